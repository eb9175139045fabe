import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { jupyterFolder, onPath } from '../notebook/kernel/find-jupyter';
import { newCommand, readArguments } from '../run/arguments';

const HOW = `lab: found no Jupyter on PATH. One of these brings it:

  pipx install jupyterlab                      any system with Python
  python3 -m venv .venv && .venv/bin/pip install jupyterlab && export PATH="$PWD/.venv/bin:$PATH"
  sudo apt install jupyter-notebook            Debian, Ubuntu
  brew install jupyterlab                      macOS

Without Jupyter: \`npm run notebooks\` runs them all; for VS Code, \`npx med42 kernel install\` adds the kernel.`;

const _command = () =>
  newCommand(
    'lab',
    'Opens notebooks/ in the Jupyter that is on PATH, with the workbook’s TypeScript kernel: JupyterLab, or the classic ' +
      'Notebook where there is no JupyterLab. Nothing is installed outside the workbook.',
  )
    .option('--classic', 'the classic Notebook')
    .argument('[options]', 'anything else is handed to Jupyter');

const help = () =>
  newCommand(
    'lab',
    'Opens notebooks/ in the Jupyter that is on PATH, with the workbook’s TypeScript kernel: JupyterLab, or the classic ' +
      'Notebook where there is no JupyterLab. Nothing is installed outside the workbook.',
  )
    .option('--classic', 'the classic Notebook')
    .argument('[options...]', 'anything else is handed to Jupyter');

/** What is started, or why not. */
export function labCommand(
  args: readonly string[],
  find: (program: string) => string | undefined = onPath,
): { readonly command: string; readonly args: readonly string[] } {
  const programs = args.includes('--classic') ? ['jupyter-notebook'] : ['jupyter-lab', 'jupyter-notebook'];
  const command = programs.map((program) => find(program)).find((path) => path !== undefined);
  if (command === undefined) throw new Error(HOW);
  return { command, args: args.filter((arg) => arg !== '--classic') };
}

/** Where Jupyter finds the kernel, and the kernel this very Node. */
export function labEnvironment(root: string, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const paths = (first: string, rest: string | undefined) => [first, ...(rest ? [rest] : [])].join(delimiter);
  return {
    ...env,
    JUPYTER_PATH: paths(jupyterFolder(root), env.JUPYTER_PATH),
    PATH: paths(dirname(process.execPath), env.PATH),
  };
}

export function main(args: readonly string[]): void {
  // Jupyter's own options are many: only help is ours to read.
  if (args.includes('--help') || args.includes('-h')) readArguments(help(), ['--help']);
  const root = WORKBOOK_ROOT;
  const { command, args: rest } = labCommand(args);
  console.log(`${command} opens notebooks/ with the kernel "TypeScript (Med42)"; Ctrl-C ends it.`);
  const jupyter = spawn(command, rest, { cwd: join(root, 'notebooks'), env: labEnvironment(root), stdio: 'inherit' });
  // Jupyter asks before it ends; it is not to be left alone in the meantime.
  process.on('SIGINT', () => {});
  jupyter.on('error', (error) => {
    console.error(`lab: ${command} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  jupyter.on('close', (code) => {
    process.exitCode = code ?? 1;
  });
}
