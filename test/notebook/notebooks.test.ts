import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseNotebooks, parseNotebookOptions } from '../../lib/cli/notebooks';
import { showTable } from '../../lib/notebook/cell/show';
import { type DisplayContent, directOutputs } from '../../lib/notebook/kernel/output';
import { compareRuns, sameText } from '../../lib/notebook/runner/compare-outputs';
import { createGatherer } from '../../lib/notebook/runner/gather-outputs';
import { missingFor } from '../../lib/notebook/runner/missing';
import { type NotebookCell, notebookToJson, readNotebook } from '../../lib/notebook/runner/notebook-file';
import { type Parameters, parameterNames, parseSetting, withParameters } from '../../lib/notebook/runner/parameters';
import { ROOT } from './kernel-client';
import { runCli } from './run-cli';

const folder = mkdtempSync(join(tmpdir(), 'notebooks-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cell = (id: string, source: string, tags: readonly string[] = []): NotebookCell => ({
  ...{ cell_type: 'code', id, source, tags, outputs: [], executionCount: null },
});
const save = (name: string, cells: readonly NotebookCell[]): string => {
  const path = join(folder, `${name}.ipynb`);
  writeFileSync(path, notebookToJson({ name, cells }));
  return path;
};

const good = [
  cell('first', "let preset: 'smoke' | 'miniature' = 'miniature';\nlet rows = 3;", ['parameters']),
  cell('second', "console.log('rows', rows);\nconsole.error('said aside');\n({ preset })"),
  cell('third', "throw new Error('on purpose')", ['raises-exception']),
];
const path = save('01-good', good);
save('02-bad', [cell('a', '1'), cell('b', "const ok = 1;\nthrow new Error('no rows in data/')"), cell('c', '2')]);

describe('a run', () => {
  test('saves what the cells show, and a second one finds it unchanged', async () => {
    const { status } = runCli('01', '--folder', folder);
    expect(status).toBe(0);
    const { cells } = await readNotebook(path);
    expect(cells.map(({ executionCount }) => executionCount)).toEqual([1, 2, 3]);
    expect(cells[1]!.outputs).toEqual([
      { output_type: 'stream', name: 'stdout', text: 'rows 3\n' },
      { output_type: 'stream', name: 'stderr', text: 'said aside\n' },
      expect.objectContaining({ data: { 'text/plain': "{ preset: 'miniature' }" }, execution_count: 2 }),
    ]);
    expect(cells[2]!.outputs[0]).toMatchObject({ output_type: 'error', ename: 'Error', evalue: 'on purpose' });
    const saved = readFileSync(path, 'utf8');
    expect(runCli('01', '--folder', folder, '--check')).toMatchObject({ status: 0 });
    writeFileSync(path, saved.replace('rows 3', 'rows 4'));
    const changed = runCli('01', '--folder', folder, '--check');
    expect(changed.status).toBe(1);
    expect(changed.printed).toContain('cell 2: output 1 (stdout)\n    was  rows 4\n    now  rows 3');
    expect(readFileSync(path, 'utf8'), '--check saves nothing').toBe(saved.replace('rows 3', 'rows 4'));
  });

  test('with a preset leaves the notebook as it is, and records its parameters', async () => {
    save('03-preset', good.slice(0, 2));
    const before = readFileSync(join(folder, '03-preset.ipynb'), 'utf8');
    const { status, printed } = runCli('03', '--folder', folder, '--preset', 'smoke', '--set', 'rows=5');
    expect(status, printed).toBe(0);
    expect(readFileSync(join(folder, '03-preset.ipynb'), 'utf8')).toBe(before);
    const out = join(ROOT, 'results', 'notebooks', 'smoke', '03-preset.ipynb');
    const { cells } = await readNotebook(out);
    expect(cells[1]).toMatchObject({ tags: ['injected-parameters'] });
    expect(cells[1]!.outputs).toMatchObject([{ data: { 'text/plain': "{ preset: 'smoke', rows: 5 }" } }]);
    expect(cells[2]!.outputs[0]).toMatchObject({ text: 'rows 5\n' });
    rmSync(out);
  });

  test('takes rows of one’s own, of no set of table A1', async () => {
    const data = join(folder, 'mine');
    for (const half of ['train', 'eval']) mkdirSync(join(data, half), { recursive: true });
    writeFileSync(
      join(data, 'train', 'bakery.jsonl'),
      '{"prompt": "Which grain?", "response": "Rye."}\n{"prompt": "When?", "response": "At six."}\n',
    );
    writeFileSync(
      join(data, 'eval', 'bakery.jsonl'),
      '{"question": "Which?", "choices": ["oat", "rye"], "answer": 1}\n',
    );
    const { status, printed } = runCli('00', '--set', `data=${data}`);
    expect(status, printed).toBe(0);
    const out = join(ROOT, 'results', 'notebooks', 'set', '00-orientation.ipynb');
    const { cells } = await readNotebook(out);
    expect(JSON.stringify(cells)).toContain('Which grain?');
    rmSync(out);
  });

  test('that fails names cell and text, and leaves the saved notebook', () => {
    const before = readFileSync(join(folder, '02-bad.ipynb'), 'utf8');
    const { status, printed } = runCli('02', '--folder', folder);
    expect(status).toBe(1);
    expect(printed).toContain('02-bad  failed in cell 2');
    expect(printed).toContain("throw new Error('no rows in data/')\n\n  Error: no rows in data/");
    expect(readFileSync(join(folder, '02-bad.ipynb'), 'utf8')).toBe(before);
    rmSync(join(ROOT, 'results', 'notebooks', 'failed', '02-bad.ipynb'));
  });
});

test('a table is shown as HTML and as text', () => {
  const shown: DisplayContent[] = [];
  directOutputs({ live: false, stream: () => {}, result: () => {}, display: (content) => shown.push(content) });
  showTable([
    { name: '<b>', n: 1234.5, share: null },
    { name: 'two', n: 7, share: 1e-9 },
  ]);
  expect(shown[0]!.data['text/plain']).toBe(
    [
      'name          n    share',
      '----  ---------  -------',
      '<b>   1,234.500        –',
      'two       7.000  1.00e-9',
    ].join('\n'),
  );
  expect(shown[0]!.data['text/html']).toContain('<td style="text-align:left">&lt;b&gt;</td>');
  expect(() => showTable([])).toThrow('table: there are no rows');
  expect(() => showTable([{ a: 1 }], { columns: ['b'] })).toThrow('row 1 has no b; it has a');
});

describe('wrong use', () => {
  test('is answered with what there is', () => {
    const all = () => chooseNotebooks(folder, ['9']);
    expect(all).toThrow(/"9" names no notebook; there are 01-good, 02-bad/);
    expect(() => chooseNotebooks(folder, ['0'])).toThrow(/"0" names \d notebooks/);
    expect(() => parseNotebookOptions(['--preset', 'big'], ROOT)).toThrow(
      /smoke, miniature, controlled, real, smollm2, paper-lora, paper-full, llama2, got "big"/,
    );
    expect(() => parseNotebookOptions(['--chekc'], ROOT)).toThrow(/'--chekc', did you mean --check; --help lists/);
    expect(() => parseNotebookOptions(['--check', '--preset', 'smoke'], ROOT)).toThrow(/leave --preset and --set out/);
    expect(() => parseNotebookOptions(['--tolerance', 'x'], ROOT)).toThrow(/--tolerance must be a number/);
    expect(() => parseSetting('rows')).toThrow('--set takes NAME=VALUE, got "rows"');
  });

  test('what a preset needs and is not here is named, with what brings it, before a cell runs', () => {
    const { status, printed } = runCli('--preset', 'real', '--set', 'model=results/no-model');
    expect(status).toBe(1);
    expect(printed).not.toContain('cells');
    expect(printed).toMatch(
      /nothing was run, as something is missing:\n {2}data: preset "real" is for rows of your own; /,
    );
    expect(printed).toMatch(/give --set data=FOLDER.*--set data=\.cache/);
    expect(printed).toMatch(
      /there is no folder .*no-model.*`med42 fetch --model results\/no-model`\n {4}needed by 00-.*, 06-/,
    );
  });

  const READS_RUN = 'await requireReport(preset)';
  const missing: readonly [what: string, values: Parameters, expected: readonly RegExp[], source?: string][] = [
    ['other rows', { data: 'no-rows' }, [/^data: there is no folder .*no-rows; give a folder that holds train\//]],
    ['the paper’s rows', { data: '.cache/paper' }, [/^data: .*paper; `npx med42 fetch --all` brings it$/]],
    ['rows without a model', { preset: 'paper-lora', data: 'rows' }, [/^model: preset "paper-lora" is for a model of/]],
    ['a path of no model', { model: './no-model' }, [/^model: there is no folder .*no-model; give a Llama/]],
    ['an encoder', { encoder: 'no-encoder' }, [/^encoder: there is no folder .*no-encoder; give a SentenceTrans/]],
    ['the bundled ones', { preset: 'controlled', encoder: '' }, []],
    ['a run', { preset: 'controlled' }, [/^there is no finished run in .* --preset controlled`/], READS_RUN],
    ['a run that is there', { preset: 'miniature' }, [], READS_RUN],
  ];
  test.each(missing)('is found for %s', (_, values, expected, source = '') => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'rows'), { recursive: true });
    mkdirSync(join(root, 'results', 'miniature'), { recursive: true });
    writeFileSync(join(root, 'results', 'miniature', 'run.json'), '{}');
    const parameters = "let preset = 'miniature', data = 'rows', model = 'base', encoder = '';";
    const notebook = { name: '01', cells: [cell('p', parameters, ['parameters']), cell('q', source)] };
    expect(missingFor(notebook, values, root)).toEqual(expected.map((one) => expect.stringMatching(one)));
  });

  test('of a parameter names those the notebook has', () => {
    const notebook = {
      name: '01',
      cells: [cell('p', 'let rows = 3; const fixed = 1;\nlet rate: number;', ['parameters'])],
    };
    expect(parameterNames(notebook)).toEqual(['rows', 'rate']);
    expect(() => withParameters(notebook, { row: 3 })).toThrow('01 has no parameter row; it has rows, rate');
    expect(() => withParameters({ name: '02', cells: [] }, { row: 3 })).toThrow('02 has no parameter row; it has none');
  });

  test('of a file that is no notebook says so', async () => {
    writeFileSync(join(folder, 'x.json'), '{"nbformat": 3}');
    await expect(readNotebook(join(folder, 'x.json'))).rejects.toThrow('"nbformat" must be 4, got 3');
    writeFileSync(join(folder, 'x.json'), '{');
    await expect(readNotebook(join(folder, 'x.json'))).rejects.toThrow(/is no JSON/);
  });
});

describe('outputs', () => {
  const same = (a: string, b: string, tolerance = 1e-3) => sameText(a, b, '/home/me/workbook', tolerance);

  test('are compared without times and paths, numbers within the tolerance', () => {
    expect(same('took 3.2 s at 1234 tokens/s', 'took 11 s at 87 tokens/s')).toBe(true);
    expect(same('1:05 left', '12:40 left')).toBe(true);
    expect(same('saved in /home/me/workbook/results/x', 'saved in ./results/x')).toBe(true);
    expect(same('in /tmp/a1/x', 'in /tmp/b2/x')).toBe(true);
    expect(same('loss 2.0001', 'loss 2.0002')).toBe(true);
    expect(same('loss 2.0', 'loss 2.1')).toBe(false);
    expect(same('loss -2.0', 'loss 2.0')).toBe(false);
    expect(same('19,988,480 numbers', '19,988,481 numbers', 0)).toBe(false);
    expect(same('3 items', '3 rows')).toBe(false);
  });

  test('that differ are named by cell and line; cells that vary, and pictures, are not compared', () => {
    const run = (text: string, tags: readonly string[] = []): NotebookCell[] => [
      {
        ...cell('a', '', tags),
        executionCount: 1,
        outputs: [
          { output_type: 'stream', name: 'stdout', text: `alike\n${text}\n` },
          { output_type: 'display_data', data: { 'image/png': text, 'text/plain': 'a figure' }, metadata: {} },
        ],
      },
    ];
    expect(compareRuns(run('loss 2.0'), run('loss 2.5'), ROOT, 0.01)).toEqual([
      { cell: 1, what: 'output 1 (stdout)\n    was  loss 2.0\n    now  loss 2.5' },
    ]);
    expect(compareRuns(run('loss 2.0'), run('loss 2.5', ['varies']), ROOT, 0.01)).toEqual([]);
    expect(compareRuns(run('a 1 s'), run('a 2 s'), ROOT, 0)).toEqual([]);
  });

  test('that are updated replace what was shown, neighbouring prints are one', () => {
    const gatherer = createGatherer();
    const display = (text: string, update: boolean) =>
      gatherer.add(0, {
        kind: 'display',
        update,
        content: { data: { 'text/plain': text }, metadata: {}, transient: { display_id: 'x' } },
      });
    display('1 of 3', false);
    gatherer.add(0, { kind: 'stream', name: 'stdout', text: 'a' });
    gatherer.add(0, { kind: 'stream', name: 'stdout', text: 'b' });
    display('3 of 3', true);
    expect(gatherer.outputsOf(0)).toMatchObject([{ data: { 'text/plain': '3 of 3' } }, { text: 'ab' }]);
  });
});

describe('the committed notebooks', () => {
  const notebooks = join(ROOT, 'notebooks');
  const files = readdirSync(notebooks).filter((file) => file.endsWith('.ipynb'));

  test.each(files)('%s is run, without errors, paths and what changes from run to run', async (file) => {
    const text = readFileSync(join(notebooks, file), 'utf8');
    const notebook = await readNotebook(join(notebooks, file));
    expect(notebookToJson(notebook), 'saved by npm run notebooks').toBe(text);
    const code = notebook.cells.filter(({ cell_type }) => cell_type === 'code');
    expect(code.map(({ executionCount }) => executionCount)).toEqual(code.map((_, i) => i + 1));
    const mayFail = (one: NotebookCell) => one.tags.includes('raises-exception');
    const errors = code.flatMap((one) => (mayFail(one) ? [] : one.outputs)).filter((o) => o.output_type === 'error');
    expect(errors).toEqual([]);
    expect(text).not.toContain(ROOT);
    expect(new Set(notebook.cells.map(({ id }) => id)).size).toBe(notebook.cells.length);
  });
});
