import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labEnvironment } from '../../lib/cli/lab';
import { onPath } from '../../lib/notebook/kernel/find-jupyter';
import { readNotebook, writeNotebook } from '../../lib/notebook/runner/notebook-file';
import { connection, ROOT } from './kernel-client';

/** The notebooks in a real Jupyter, opened by a real browser, run by its menu. */

const NOTEBOOKS = ['00-orientation', '02-packing-and-masking'].filter((name) => existsSync(notebookFile(name)));
/** Pictures of what was seen, kept to be looked at. */
const SCREENSHOTS = join(tmpdir(), 'med42-screenshots');

const CHROMIUM = ['chromium', 'google-chrome', 'chromium-browser'].map((name) => onPath(name)).find(Boolean);
const VENV = join(ROOT, '.venv-jupyter', 'bin', 'jupyter-lab');
const LAB = existsSync(VENV) ? VENV : onPath('jupyter-lab');
const CLASSIC = onPath('jupyter-notebook');

function notebookFile(name: string): string {
  return join(ROOT, 'notebooks', `${name}.ipynb`);
}

interface Jupyter {
  readonly process: ChildProcess;
  readonly url: string;
  readonly folder: string;
}

/** A server over copies of the notebooks without their outputs, with folders of its own for all it writes. */
async function startJupyter(program: string, settings: readonly string[]): Promise<Jupyter> {
  const folder = mkdtempSync(join(tmpdir(), 'jupyter-'));
  for (const name of NOTEBOOKS) {
    const notebook = await readNotebook(notebookFile(name));
    const cells = notebook.cells.map((cell) => ({ ...cell, outputs: [], executionCount: null }));
    await writeNotebook(join(folder, 'notebooks', `${name}.ipynb`), { name, cells });
  }
  const port = (await connection()).ports[0];
  const env = {
    ...labEnvironment(ROOT),
    HOME: folder,
    JUPYTER_CONFIG_DIR: join(folder, 'config'),
    JUPYTER_DATA_DIR: join(folder, 'data'),
    JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
  };
  const args = ['--no-browser', '--allow-root', '--ip=127.0.0.1', `--port=${port}`, ...settings];
  const child = spawn(program, args, { cwd: join(folder, 'notebooks'), env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 600; i++) {
    if (
      await fetch(`${url}/api`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return { process: child, url, folder };
    await new Promise((r) => setTimeout(r, 200));
  }
  throw new Error(`${program} did not start`);
}

let browser: Browser | undefined;
beforeAll(async () => {
  if (!CHROMIUM) return;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  mkdirSync(SCREENSHOTS, { recursive: true });
});
afterAll(async () => {
  await browser?.close();
});

const WAIT = { timeout: 240_000 };

interface Frontend {
  readonly name: string;
  readonly program: string | undefined;
  readonly settings: readonly string[];
  readonly page: (url: string, notebook: string) => string;
  readonly runAll: (page: Page) => Promise<void>;
  /** Text of the numbers beside the code cells. */
  readonly prompts: string;
  readonly errors: string;
  readonly outputs: string;
}

const FRONTENDS: readonly Frontend[] = [
  {
    name: 'JupyterLab',
    program: LAB,
    settings: ['--IdentityProvider.token=', '--LabApp.news_url=None'],
    page: (url, notebook) => `${url}/doc/tree/${notebook}.ipynb`,
    runAll: async (page) => {
      await page.waitForFunction(() => /TypeScript \(Med42\) \| Idle/.test(document.body.innerText), null, WAIT);
      await page.click('.lm-MenuBar-item:has-text("Run")');
      await page.click('.lm-Menu-item[data-command="runmenu:run-all"]');
    },
    prompts: '.jp-CodeCell .jp-InputPrompt',
    errors: '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]',
    outputs: '.jp-OutputArea-output',
  },
  {
    name: 'classic Notebook',
    program: CLASSIC,
    settings: ['--NotebookApp.token=', '--NotebookApp.password='],
    page: (url, notebook) => `${url}/notebooks/${notebook}.ipynb`,
    runAll: async (page) => {
      await page.waitForSelector('#kernel_indicator_icon.kernel_idle_icon', { ...WAIT, state: 'attached' });
      await page.click('#celllink');
      await page.click('#run_all_cells a');
    },
    prompts: '.code_cell .input_prompt',
    errors: '.output_error',
    outputs: '.output_subarea',
  },
];

describe.each(FRONTENDS)('$name', ({ name, program, settings, page: pageOf, runAll, prompts, errors, outputs }) => {
  const missing = !CHROMIUM ? 'no Chromium on PATH' : !program ? `no ${name} (test/notebook/make-env.sh)` : undefined;
  if (missing) console.warn(`${name} is not tested: ${missing}`);
  // One notebook in each by default; MED42_EVERYTHING=1 opens all in both.
  const notebooks =
    process.env.MED42_EVERYTHING === '1' ? NOTEBOOKS : [NOTEBOOKS[FRONTENDS.findIndex((one) => one.name === name)]!];
  let jupyter: Jupyter | undefined;
  beforeAll(async () => {
    if (!missing) jupyter = await startJupyter(program!, settings);
  });
  afterAll(() => {
    jupyter?.process.kill('SIGTERM');
    if (jupyter) rmSync(jupyter.folder, { recursive: true, force: true });
  });

  test.skipIf(missing).each(notebooks)('%s runs by the menu, without errors, its figures drawn', async (notebook) => {
    const { cells } = await readNotebook(notebookFile(notebook));
    const code = cells.filter(({ cell_type }) => cell_type === 'code');
    const figures = code.flatMap((cell) => cell.outputs).filter(hasFigure).length;
    const page = await browser!.newPage({ viewport: { width: 1300, height: 6000 } });
    try {
      await page.goto(pageOf(jupyter!.url, notebook));
      await page.waitForSelector(prompts, WAIT);
      await runAll(page);
      const last = `[${code.length}]`;
      await page.waitForFunction(
        ([selector, number]) =>
          [...document.querySelectorAll(selector!)].some(({ textContent }) => textContent?.includes(number!)),
        [prompts, last],
        WAIT,
      );
      await page.waitForFunction(
        (count) => document.querySelectorAll('.js-plotly-plot .main-svg[class]').length >= count,
        figures,
        { timeout: 60_000 },
      );
      expect(await page.locator(errors).count()).toBe(0);
      expect(await page.locator(outputs).count()).toBeGreaterThan(0);
    } finally {
      await page.screenshot({ path: join(SCREENSHOTS, `${name.replace(' ', '-')}-${notebook}.png`) });
      await page.close();
    }
  });
});

function hasFigure(output: {
  readonly output_type: string;
  readonly data?: Readonly<Record<string, unknown>>;
}): boolean {
  return output.data !== undefined && 'application/vnd.plotly.v1+json' in output.data;
}
