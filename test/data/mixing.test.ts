import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTrainExamples, type TrainExample } from '../../lib/data/examples';
import { mixFolder } from '../../lib/data/mixing/mix';
import { MIXTURE_ROWS, type MixedFolder } from '../../lib/data/mixing/mixed-folder';
import { mixByPaper } from '../../lib/data/mixture';
import { SUBSETS } from '../../lib/paper/table-a1';
import { createRandom } from '../../lib/random';

const work = mkdtempSync(join(tmpdir(), 'mixing-'));
afterAll(() => rmSync(work, { recursive: true }));

const row = (source: string, i: number): TrainExample => ({
  id: `${source}-${i}`,
  source,
  prompt: `${source} ${i}?`,
  response: `answer ${i % 7}`,
});
const rowsOf = (source: string, count: number) => Array.from({ length: count }, (_, i) => row(source, i));

let made = 0;
/** A data folder with files of rows. */
function folderOf(files: Readonly<Record<string, readonly object[]>>): string {
  const folder = join(work, `given-${made++}`);
  mkdirSync(join(folder, 'train'), { recursive: true });
  for (const [name, rows] of Object.entries(files)) {
    writeFileSync(join(folder, 'train', name), rows.map((one) => JSON.stringify(one)).join('\n'));
  }
  return folder;
}
const newFolder = () => join(work, `mixed-${made++}`);
const idsOf = async (folder: string) => (await loadTrainExamples(folder)).examples.map(({ id }) => id);
const drawn = ({ report }: MixedFolder) => Object.fromEntries(report.rows.map((one) => [one.subset, one.drawn]));

const GIVEN = { medmcqa: 60, medqa: 30, openorca_t0: 50, pubmedqa: 40 };
const all = Object.entries(GIVEN).flatMap(([source, count]) => rowsOf(source, count));
let mixed: MixedFolder;
let folder: string;
beforeAll(async () => {
  folder = newFolder();
  mixed = await mixFolder(folderOf({ 'rows.jsonl': all }), folder, { seed: 1, total: 100 });
});

test('the counts are those of the rule by which a run mixes in memory, and all rows are different ones of the given', async () => {
  // 180,462 : 11,290 : 110,905 of the 99 that pubmedqa's one leaves: 58.93 : 3.69 : 36.22, and one to the larger remainders.
  expect(drawn(mixed)).toEqual({ medmcqa: 59, medqa: 4, openorca_t0: 36, pubmedqa: 1 });
  expect(mixed.report).toEqual(mixByPaper(all, 100, createRandom(1)).report);
  expect(mixed.report.total).toBe(100);
  const { examples } = await loadTrainExamples(folder);
  const byId = new Map(all.map((one) => [one.id, one]));
  expect(new Set(examples.map(({ id }) => id)).size).toBe(100);
  for (const example of examples) expect(example).toEqual(byId.get(example.id));
  for (const [subset, count] of Object.entries(drawn(mixed)))
    expect(examples.filter(({ source }) => source === subset)).toHaveLength(count);
});

test('with all rows of a subset of table A1 at hand and more, its count is drawn exactly', async () => {
  // All 706,713 are drawn by hand: npm run bench -- full-size.
  const given = join(work, 'paper');
  mkdirSync(join(given, 'train'), { recursive: true });
  const small = SUBSETS.filter(({ samples }) => samples < 3000);
  for (const { key, samples } of small)
    writeFileSync(
      join(given, 'train', `${key}.jsonl`),
      rowsOf(key, samples + 9)
        .map((one) => JSON.stringify(one))
        .join('\n'),
    );
  const result = await mixFolder(given, newFolder(), { seed: 1 });
  expect(drawn(result)).toEqual(Object.fromEntries(small.map(({ key, samples }) => [key, samples])));
  expect(result.deficits.map(({ subset }) => subset)).toEqual(
    SUBSETS.filter(({ samples }) => samples >= 3000).map(({ key }) => key),
  );
});

test('neither the order of rows and files nor the threads play a part; the seed does', async () => {
  const backwards = folderOf({ 'z.jsonl': all.slice(0, 90).reverse(), 'a.jsonl': all.slice(90).reverse() });
  const other = newFolder();
  const again = await mixFolder(backwards, other, { seed: 1, total: 100, threads: 4, memory: 256 });
  expect(again.contentMd5).toBe(mixed.contentMd5);
  expect(await idsOf(other)).toEqual(await idsOf(folder));
  const seeded = newFolder();
  const differently = await mixFolder(backwards, seeded, { seed: 2, total: 100 });
  expect(drawn(differently)).toEqual(drawn(mixed));
  expect(differently.contentMd5).not.toBe(mixed.contentMd5);
  expect((await idsOf(seeded)).filter((id) => id.startsWith('medqa'))).not.toEqual(
    (await idsOf(folder)).filter((id) => id.startsWith('medqa')),
  );
});

test('a row more or less leaves the others as they were', async () => {
  const fewer = newFolder();
  await mixFolder(folderOf({ 'rows.jsonl': all.slice(1) }), fewer, { seed: 1, shares: 'all' });
  const more = newFolder();
  await mixFolder(folderOf({ 'rows.jsonl': all }), more, { seed: 1, shares: 'all' });
  expect((await idsOf(more)).filter((id) => id !== all[0]!.id)).toEqual(await idsOf(fewer));
});

test('duplicates, empty rows, HTML and mojibake are counted by source, and stated in the card', async () => {
  const rows = [
    { ...row('medqa', 0), prompt: 'It is &lt; 5' },
    { ...row('medqa', 0), id: 'again', prompt: 'It is < 5' },
    { ...row('openorca_t0', 0), id: 'elsewhere', prompt: 'It is < 5' },
    { ...row('medqa', 1), response: '  ' },
    { ...row('medqa', 2), prompt: '<p> </p>' },
    { ...row('medqa', 3), prompt: 'donâ€™t' },
    { ...row('mmlu_standin', 4), question: 'q', choices: ['a', 'b'], answer: 1 },
    { ...row('medqa', 5), history: [['before', 'then']] },
    { id: 'text', source: 'medquad', text: 'A plain text.' },
  ];
  const out = newFolder();
  const result = await mixFolder(folderOf({ 'rows.jsonl': rows }), out, { seed: 1 });
  expect(result.blank).toBe(1);
  expect(result.sources).toEqual([
    { source: 'medqa', read: 5, empty: 1, html: 2, mojibake: 1, duplicates: 1, written: 3 },
    { source: 'medquad', read: 1, empty: 0, html: 0, mojibake: 0, duplicates: 0, written: 1 },
    { source: 'mmlu_standin', read: 1, empty: 0, html: 0, mojibake: 0, duplicates: 0, written: 1 },
    { source: 'openorca_t0', read: 1, empty: 0, html: 0, mojibake: 0, duplicates: 1, written: 0 },
  ]);
  // What was mended is what is read of the folder, in every field.
  const { examples } = await loadTrainExamples(out);
  const byId = Object.fromEntries(examples.map((example) => [example.id, example]));
  expect(byId['medqa-3']!.prompt).toBe('don’t');
  expect(byId['medqa-5']!.history).toEqual([{ prompt: 'before', response: 'then' }]);
  expect(byId['mmlu_standin-4']).toEqual({ ...rows[6] });
  expect(byId.text).toEqual({ id: 'text', source: 'medquad', prompt: '', response: 'A plain text.', plain: true });
  const card = readFileSync(join(out, 'README.md'), 'utf8');
  expect(card).toContain('- MMLU: rows in place of MMLU (1 of the drawn rows)');
  expect(card).toContain('- 2 left out: the prompt or the response is empty');
  expect(card).toContain('- 2 left out: another row has the same texts');
  expect(card).toContain('- MedQA (USMLE): 3 rows of 11,290, 11,287 missing');
  expect(card).toContain('- MedMCQA: no row of 180,462, 180,462 missing');
  expect(readdirSync(out).sort()).toEqual(['README.md', 'mixture.json', 'train']);
});

test('too few rows of a source are a stated deficit; a total that rows cannot reach is refused', async () => {
  const few = folderOf({ 'rows.jsonl': rowsOf('pubmedqa', 20) });
  const { report, deficits } = await mixFolder(few, newFolder(), { seed: 1 });
  expect(report.total).toBe(20);
  expect(deficits.find(({ subset }) => subset === 'pubmedqa')).toEqual({
    subset: 'pubmedqa',
    name: 'PubMedQA',
    paperSamples: 499,
    available: 20,
    missing: 479,
  });
  await expect(mixFolder(few, newFolder(), { seed: 1, total: 21 })).rejects.toThrow(
    'mixture: total must be an integer from 1 (one row for each present subset) to 20 (the rows given), got 21',
  );
});

test('other shares than the paper’s are drawn as they are given', async () => {
  const rows = folderOf({ 'a.jsonl': rowsOf('mine', 40), 'b.jsonl': rowsOf('yours', 40) });
  const weighed = await mixFolder(rows, newFolder(), { seed: 1, shares: { mine: 3, yours: 1 } });
  // All 40 of mine, and a third of that: the most at which neither is short.
  expect(drawn(weighed)).toEqual({ mine: 40, yours: 13 });
  expect(drawn(await mixFolder(rows, newFolder(), { seed: 1, shares: 'all' }))).toEqual({ mine: 40, yours: 40 });
});

test('a Parquet file with a renamed column says which columns it has and what would be read, or is told by "fields"', async () => {
  const given = join(work, 'renamed');
  mkdirSync(join(given, 'train'), { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT 'is it ' || i AS frage, 'yes ' || i AS response, 'medqa' AS source FROM range(9) t(i))
     TO '${join(given, 'train', 'rows.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  const out = newFolder();
  await expect(mixFolder(given, out, { seed: 1 })).rejects.toThrow(
    'examples: train/rows.parquet row 1: no form of training row has the fields frage, response, source. Known forms:',
  );
  // Nothing half made is left that a run would take for a mixture.
  expect(readdirSync(out)).toEqual(['train']);
  expect(readdirSync(join(out, 'train'))).toEqual([]);
  const { report } = await mixFolder(given, out, { seed: 1, rows: { fields: { prompt: 'frage' } } });
  expect(report.total).toBe(9);
});

test('a folder that holds something else is not touched', async () => {
  const other = folderOf({ 'mine.jsonl': rowsOf('medqa', 3) });
  await expect(mixFolder(folderOf({ 'rows.jsonl': rowsOf('medqa', 3) }), other, { seed: 1 })).rejects.toThrow(
    `mixture: ${other} must be a new folder, or one that holds a mixture alone, and has train/mine.jsonl; choose another folder`,
  );
  await expect(mixFolder(other, other, { seed: 1 })).rejects.toThrow(
    `mixture: ${other} is where the rows lie, and would be overwritten; choose another --out`,
  );
  expect(readdirSync(join(other, 'train'))).toEqual(['mine.jsonl']);
  expect(MIXTURE_ROWS).toBe('train/mixture.parquet');
});
