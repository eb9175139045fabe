import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, expect, test } from 'vitest';
import type { TokenView } from '../../lib/data/token-xray';
import { show, showMarkdown, showTable } from '../../lib/notebook/cell/show';
import { showFigures, showFindings, showPairs, showTables } from '../../lib/notebook/cell/show-report';
import { showXray } from '../../lib/notebook/cell/show-xray';
import { type CellOutputs, directOutputs, resultOf } from '../../lib/notebook/kernel/output';
import { createGatherer } from '../../lib/notebook/runner/gather-outputs';
import { type NotebookOutput, writeNotebook } from '../../lib/notebook/runner/notebook-file';
import { reportParts } from '../../lib/report/parts';
import { tableToMarkdown } from '../../lib/report/table-formats';
import { CHROMIUM } from '../report/browser';
import { sampleDecontamination, sampleRecord } from '../report/fixture';
import { ROOT } from './kernel-client';

/*
 * A saved notebook whose outputs show hostile rows and names, put out as a page by nbconvert: a browser runs none of it.
 * Skipped where chromium or .venv-jupyter is not there.
 */

const NBCONVERT = join(ROOT, '.venv-jupyter', 'bin', 'jupyter-nbconvert');
const work = mkdtempSync(join(tmpdir(), 'hostile-'));
afterAll(() => rmSync(work, { recursive: true }));

const HOSTILE =
  ' "\'></title></style></svg></script><script>window.hit = 1</script><img src=x onerror="window.hit = 2"> ' +
  '[x](javascript:window.hit=3) <a href="javascript:window.hit=4">x</a> `| $\\href{javascript:window.hit=5}{x}$ ' +
  '\u001b]8;;javascript:window.hit=6\u0007x\u001b[2J\u202e <iframe srcdoc="<script>parent.hit = 7</script>"></iframe>';

/** All that cells of the workbook's notebooks show of rows, names and results. */
async function outputsOf() {
  const gatherer = createGatherer();
  const cell: CellOutputs = {
    live: false,
    stream: (name, text) => gatherer.add(0, { kind: 'stream', name, text }),
    display: (content, update) => gatherer.add(0, { kind: 'display', content, update }),
    result: (data) => gatherer.add(0, { kind: 'result', data }),
  };
  directOutputs(cell);
  const record = sampleRecord({ hostile: HOSTILE, seeds: [42], itemsPerTask: 4 });
  const detector = sampleDecontamination(record, { hostile: HOSTILE });
  const parts = reportParts(record, { decontamination: [detector] });
  showTable([{ [HOSTILE]: HOSTILE, text: HOSTILE }], { caption: HOSTILE });
  showXray([0, 1].map((at) => ({ ...VIEW, at, position: at })));
  showTables(parts, ...parts.tables.map(({ key }) => key), HOSTILE);
  await showFigures(parts, ...parts.figures.slice(0, 4).map(({ key }) => key));
  showPairs(detector);
  showFindings(parts);
  showMarkdown(parts.tables.map(tableToMarkdown).join('\n'));
  show({ 'text/plain': HOSTILE });
  cell.result(resultOf(HOSTILE));
  cell.stream('stdout', HOSTILE);
  gatherer.add(0, { kind: 'failure', failure: { ename: HOSTILE, evalue: HOSTILE, traceback: [HOSTILE] } });
  // Saving a run of a notebook puts the cell's number there.
  const numbered = (one: NotebookOutput) =>
    one.output_type === 'execute_result' ? { ...one, execution_count: 1 } : one;
  return gatherer.outputsOf(0).map(numbered);
}

const VIEW: Omit<TokenView, 'at' | 'position'> = {
  ...{ id: 5, role: 'response', sample: 0, attendsFrom: 0, learned: true },
  ...{ text: HOSTILE, source: HOSTILE, sampleId: HOSTILE },
};

test.skipIf(!CHROMIUM || !existsSync(NBCONVERT))(
  'a page of a notebook with hostile rows: nothing of them runs',
  { timeout: 300_000 },
  async () => {
    const outputs = await outputsOf();
    expect(outputs.length).toBeGreaterThan(20);
    const results = outputs.flatMap((one) => ('data' in one ? [String(one.data['text/plain'])] : []));
    expect(results.filter((text) => /[^\P{Cc}\n\t]|\p{Bidi_Control}/u.test(text))).toEqual([]);
    const notebook = join(work, 'hostile.ipynb');
    const cell = { cell_type: 'code' as const, id: 'a', source: '1', tags: [], outputs, executionCount: 1 };
    await writeNotebook(notebook, { name: 'hostile', cells: [cell] });
    execFileSync(NBCONVERT, ['--to', 'html', notebook], { stdio: 'pipe', env: { ...process.env, HOME: work } });
    const file = join(work, 'hostile.html');
    expect(readFileSync(file, 'utf8')).toContain('window.hit');
    writeFileSync(join(work, 'control.html'), '<script>window.hit = 1</script>');
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
    try {
      const tab = await browser.newPage();
      // Jupyter's page asks for its own scripts; rows may ask for nothing.
      const asked: string[] = [];
      await tab.route(/^(?!file:)/, (route) => {
        asked.push(new URL(route.request().url()).hostname);
        return route.abort();
      });
      const seen = async (path: string) => {
        await tab.goto(`file://${path}`);
        return tab.evaluate(`(() => {
          const all = [...document.querySelectorAll('.jp-OutputArea *')];
          const links = [...document.querySelectorAll('a')].filter((one) => /^\\s*javascript:/i.test(one.href)).length;
          const active = all.filter((one) => /^(script|iframe|object|embed|foreignObject)$/i.test(one.tagName));
          const handlers = all.flatMap((one) => [...one.attributes]).filter((one) => one.name.startsWith('on'));
          const own = active.filter((one) => one.textContent.includes('window.hit')).length;
          return { links, own, handlers: handlers.length, hit: window.hit ?? null };
        })()`);
      };
      expect(await seen(join(work, 'control.html'))).toMatchObject({ hit: 1 });
      expect(await seen(file)).toEqual({ links: 0, own: 0, handlers: 0, hit: null });
      expect(asked.filter((host) => !/(^|\.)(cloudflare|jsdelivr|unpkg|mathjax)\.(com|net|org)$/.test(host))).toEqual(
        [],
      );
    } finally {
      await browser.close();
    }
  },
);
