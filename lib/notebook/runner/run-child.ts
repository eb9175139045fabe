import { createCells } from '../kernel/cells';
import { type CellOutputs, capturePrints } from '../kernel/output';
import { endWithParent } from '../kernel/parent-watch';
import type { CellEvent } from './gather-outputs';

/** The other end of `runNotebook`: a process that runs the cells of one notebook and goes. */

export interface RunRequest {
  readonly root: string;
  readonly cells: readonly { readonly index: number; readonly source: string; readonly mayFail: boolean }[];
}

export type RunMessage =
  | { readonly kind: 'began'; readonly cell: number }
  | { readonly kind: 'event'; readonly cell: number; readonly event: CellEvent }
  | { readonly kind: 'ended' };

const send = (message: RunMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => resolve());
  });

async function run({ root, cells: wanted }: RunRequest): Promise<void> {
  const cells = createCells(root);
  process.on('SIGINT', () => cells.interrupt());
  capturePrints();
  for (const { index, source, mayFail } of wanted) {
    await send({ kind: 'began', cell: index });
    const event = (one: CellEvent) => void send({ kind: 'event', cell: index, event: one });
    const outputs: CellOutputs = {
      live: false,
      stream: (name, text) => event({ kind: 'stream', name, text }),
      display: (content, update) => event({ kind: 'display', content, update }),
      result: (data) => event({ kind: 'result', data }),
    };
    const failure = await cells.run(source, outputs);
    if (failure) event({ kind: 'failure', failure });
    if (failure && !mayFail) break;
  }
  await send({ kind: 'ended' });
  process.exit(0);
}

endWithParent(process.ppid);
process.on('disconnect', () => process.exit(1));
process.once('message', (request: RunRequest) => {
  run(request).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  });
});
