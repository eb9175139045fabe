import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { type Cells, createCells } from './cells';
import { capturePrints } from './output';
import { endWithParent } from './parent-watch';
import { KernelServer } from './server';

/**
 * The Jupyter kernel "TypeScript (Med42)", as jupyter/kernels/med42/launcher.js starts it.
 *
 * @param connectionFile names the sockets and the key, written by Jupyter
 * @param root the workbook's folder, where cells run
 * @param startedIn the notebook's folder
 */
export async function startKernel(connectionFile: string, root: string, startedIn: string): Promise<void> {
  const parent = Number(process.env.JPY_PARENT_PID) || process.ppid;
  let opened: Cells | undefined;
  const cells = () => {
    opened ??= createCells(root);
    return opened;
  };
  const server = new KernelServer(cells, connectionFile, () => process.exit(0));
  process.on('SIGINT', () => opened?.interrupt());
  capturePrints();
  await server.init();
  endWithParent(parent);
  if (relative(realpathSync(root), realpathSync(startedIn)).startsWith('..')) {
    process.stderr.write(`kernel: this notebook lies outside the workbook; its cells run in ${root}\n`);
  }
}
