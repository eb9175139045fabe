import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aboutTaughtFacts } from '../../lib/compare/contamination';
import { forgettingOf } from '../../lib/compare/forgetting';
import { differenceOf } from '../../lib/compare/models';
import { readRateTrials } from '../../lib/notebook/cell/rate-trials';
import { showFigures, showFindings, showReportTable, showTables } from '../../lib/notebook/cell/show-report';
import { type CellOutputs, directOutputs } from '../../lib/notebook/kernel/output';
import { gainAndLossFigure } from '../../lib/report/figures/gain-and-loss';
import { reportParts } from '../../lib/report/parts';
import { isEstimate } from '../../lib/report/table';
import { sampleRecord } from '../report/fixture';

const record = sampleRecord({ itemsPerTask: 12 });
const parts = reportParts(record, { decontamination: [] });

/** What a cell shows while `act` runs. */
async function shownBy(act: () => void | Promise<void>): Promise<Readonly<Record<string, string>>[]> {
  const shown: Readonly<Record<string, string>>[] = [];
  const outputs: CellOutputs = {
    live: false,
    stream: () => {},
    display: ({ data }) => shown.push(data as Readonly<Record<string, string>>),
    result: () => {},
  };
  directOutputs(outputs);
  await act();
  return shown;
}

test('tables and figures are found by key; a key the run does not give is said, with those it has', async () => {
  const [table, missing] = await shownBy(() => showTables(parts, 'cost', 'table-a2'));
  expect(table!['text/html']).toContain('What training took');
  expect(missing!['text/plain']).toMatch(/^This run gives no table "table-a2"\. It has: table-1, /);
  const [figure, none] = await shownBy(() => showFigures(parts, 'cost', 'figure-2'));
  expect(Object.keys(figure!)).toContain('application/vnd.plotly.v1+json');
  expect(none!['text/plain']).toMatch(/no figure "figure-2"/);
});

test('a table needs no style sheet, and text of a record becomes no tag', async () => {
  const [shown] = await shownBy(() =>
    showReportTable({
      key: 'k',
      title: 'T <b>',
      columns: [
        { key: 'a', label: '<mark>', group: 'g' },
        { key: 'b', label: 'n', digits: 1, estimate: true },
      ],
      rows: [{ level: 'part', cells: ['<td> class="n"', { value: 1, low: 0, high: 2 }] }],
      notes: ['<p class="note">'],
    }),
  );
  const html = shown!['text/html']!;
  expect(html).not.toMatch(/class="(?!table")/);
  expect(html).toContain('&lt;mark&gt;');
  expect(html).toContain('&lt;td&gt;');
  expect(html).toContain('style="text-align:right;white-space:nowrap"');
});

test('findings are shown in words', async () => {
  const [shown] = await shownBy(() => showFindings(parts));
  for (const sentence of parts.findings.answer) expect(shown!['text/plain']).toContain(sentence);
});

test('gain and loss are the comparison’s and the quiz’s, one row for each way and setting', () => {
  const figure = gainAndLossFigure(parts)!;
  const [, gain, loss] = figure.data as unknown as { x: number[] }[];
  const from = parts.comparison!.contrasts.filter((one) => one.from === 'base');
  const value = (change: ReturnType<typeof differenceOf>) => (isEstimate(change) ? change.value : change);
  expect(gain!.x).toEqual(
    from.map(({ slices }) => value(differenceOf(slices.find(({ kind }) => kind === 'tuned-groups')!))),
  );
  const quiz = forgettingOf(record);
  expect(loss!.x).toEqual(
    from.map(({ to, setting }) => value(quiz.find((one) => one.method === to && one.setting === setting)!.change!)),
  );
  expect(gainAndLossFigure(reportParts(sampleRecord({ quiz: false }), { decontamination: [] }))).toBeNull();
});

test('items about taught facts: those of the tuned groups, PubMedQA left out; all where facts are not known', () => {
  const { models } = aboutTaughtFacts(record);
  const items = models[0]!.scores.items;
  const wanted = record.models[0]!.scores.items.filter(
    ({ id, task }) => task !== 'pubmedqa' && ['read-and-tuned', 'tuned-only'].includes(record.facts![id]!.group),
  );
  expect(items.length).toBeGreaterThan(0);
  expect(items).toEqual(wanted);
  const unknown = sampleRecord({ facts: false, itemsPerTask: 12 });
  expect(aboutTaughtFacts(unknown).models).toBe(unknown.models);
});

test('trials of rates: a row for each way and rate, over its seeds; the recorded ones until there are own, none where there are neither', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trials-'));
  const trial = (
    method: 'lora' | 'full',
    rate: number,
    seed: number,
    right: number,
    heldOutLoss: number,
    packing = 'concatenated',
  ) => {
    const groups = {
      'read-and-tuned': { right, items: 10 },
      'tuned-only': { right, items: 10 },
      control: { right: 9, items: 10 },
    };
    return { identity: '', method, packing, rate, epochs: 3, seed, steps: 1, seconds: 1, heldOutLoss, groups };
  };
  expect(await readRateTrials('miniature', folder)).toEqual([]);
  await mkdir(join(folder, 'recorded', 'tune'), { recursive: true });
  await writeFile(join(folder, 'recorded', 'tune', 'trials.json'), JSON.stringify([trial('full', 3e-3, 1, 2, 1)]));
  expect(await readRateTrials('miniature', folder)).toMatchObject([{ rate: 3e-3, accuracy: 20 }]);
  await mkdir(join(folder, 'tune'));
  await writeFile(
    join(folder, 'tune', 'trials.json'),
    JSON.stringify([
      trial('lora', 1e-2, 1, 4, 2),
      trial('lora', 1e-3, 1, 2, 3),
      trial('lora', 1e-2, 2, 6, 4),
      trial('full', 1e-3, 1, 5, 1),
      // Another packing is another training.
      trial('full', 1e-3, 1, 2, 1, 'block-diagonal'),
    ]),
  );
  const common = { seeds: 1, low: 20, high: 20 };
  expect(await readRateTrials('miniature', folder)).toEqual([
    { training: 'full-parameter, 3 epochs, rows apart', rate: 1e-3, ...common, accuracy: 20, heldOutLoss: 1 },
    {
      training: 'full-parameter, 3 epochs, rows in one stream',
      rate: 1e-3,
      seeds: 1,
      accuracy: 50,
      low: 50,
      high: 50,
      heldOutLoss: 1,
    },
    { training: 'LoRA, 3 epochs, rows in one stream', rate: 1e-3, ...common, accuracy: 20, heldOutLoss: 3 },
    {
      training: 'LoRA, 3 epochs, rows in one stream',
      rate: 1e-2,
      seeds: 2,
      accuracy: 50,
      low: 40,
      high: 60,
      heldOutLoss: 3,
    },
  ]);
  // A preset with a grid of its own: the loss alone.
  const own = join(folder, 'recorded', 'tune-smollm2');
  await mkdir(own);
  await writeFile(join(own, 'trials.json'), JSON.stringify([{ ...trial('lora', 1e-3, 1, 0, 2.5), groups: {} }]));
  expect(await readRateTrials('smollm2', folder)).toMatchObject([{ rate: 1e-3, accuracy: null, heldOutLoss: 2.5 }]);
  await rm(folder, { recursive: true });
});
