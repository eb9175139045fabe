import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dataFolder, installKernel, removeKernel } from '../../lib/cli/kernel';
import { labCommand, labEnvironment } from '../../lib/cli/lab';
import { ROOT } from './kernel-client';

const folder = mkdtempSync(join(tmpdir(), 'wrong-use-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LAUNCHER = join(ROOT, 'lib/notebook/jupyter/kernels/med42/launcher.js');
/** What the launcher says before it ends, started as Jupyter would. */
function launch(args: readonly string[], before = ''): string {
  const preload = join(folder, 'preload.js');
  writeFileSync(preload, before);
  const { status, stderr } = spawnSync(process.execPath, ['--require', preload, LAUNCHER, ...args], {
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  return stderr;
}

describe('the launcher', () => {
  test('says which Node it needs', () => {
    const old = "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });";
    expect(launch(['connection.json'], old)).toMatch(/needs Node 20\.9 or newer; .* is v/);
  });

  test('says where the workbook was, and what is missing there', () => {
    const elsewhere = join(folder, 'elsewhere');
    expect(launch(['connection.json', elsewhere])).toContain(`the workbook is not in ${elsewhere}`);
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'package.json'), '{"name": "med42-workbook"}');
    expect(launch(['connection.json', elsewhere])).toContain(`run \`npm ci && npm run build\` in ${elsewhere}`);
    mkdirSync(join(elsewhere, 'node_modules', 'tslab'), { recursive: true });
    expect(launch(['connection.json', elsewhere])).toContain(`not built: run \`npm run build\` in ${elsewhere}`);
  });

  test('started by hand names the commands to use', () => {
    expect(launch([])).toMatch(/started by Jupyter: `npm run lab` .* `npm run notebooks`/);
  });
});

describe('npx med42 kernel', () => {
  test('puts the kernel into the folder that Jupyter reads, and takes away only its own', async () => {
    const data = join(folder, 'data');
    const kernel = await installKernel(ROOT, data);
    const spec = JSON.parse(readFileSync(join(kernel, 'kernel.json'), 'utf8'));
    expect(spec).toMatchObject({
      argv: [process.execPath, '{resource_dir}/launcher.js', '{connection_file}', ROOT],
      language: 'typescript',
      interrupt_mode: 'signal',
    });
    expect(existsSync(join(kernel, 'launcher.js'))).toBe(true);
    await removeKernel(data);
    expect(existsSync(kernel)).toBe(false);
    await expect(removeKernel(data)).rejects.toThrow(`there is no ${kernel}`);
    mkdirSync(kernel);
    writeFileSync(join(kernel, 'kernel.json'), '{"display_name": "Another"}');
    await expect(removeKernel(data)).rejects.toThrow('is another kernel (Another); it stays');
  });

  test('knows the folders of the platforms', () => {
    const env = { HOME: '/home/me', PATH: '' };
    expect(dataFolder(env, 'linux')).toBe('/home/me/.local/share/jupyter');
    expect(dataFolder({ ...env, XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/jupyter');
    expect(dataFolder(env, 'darwin')).toBe('/home/me/Library/Jupyter');
    expect(dataFolder({ ...env, JUPYTER_DATA_DIR: '/set' }, 'darwin')).toBe('/set');
  });
});

describe('npm run lab', () => {
  test('takes JupyterLab, else the Notebook, and says how to get one', () => {
    const having =
      (...names: readonly string[]) =>
      (name: string) =>
        names.includes(name) ? `/bin/${name}` : undefined;
    const both = having('jupyter-lab', 'jupyter-notebook');
    expect(labCommand(['--port=1'], both)).toEqual({ command: '/bin/jupyter-lab', args: ['--port=1'] });
    expect(labCommand(['--classic'], both)).toEqual({ command: '/bin/jupyter-notebook', args: [] });
    expect(labCommand([], having('jupyter-notebook')).command).toBe('/bin/jupyter-notebook');
    expect(() => labCommand([], having())).toThrow(/no Jupyter on PATH[\s\S]*pipx install jupyterlab/);
  });

  test('shows Jupyter the kernel, and the kernel this Node', () => {
    const { JUPYTER_PATH, PATH } = labEnvironment(ROOT, { JUPYTER_PATH: '/theirs', PATH: '/bin' });
    expect(JUPYTER_PATH).toBe(`${join(ROOT, 'lib', 'notebook', 'jupyter')}:/theirs`);
    expect(PATH).toMatch(/:\/bin$/);
  });
});
