import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { pairsToCsv } from '../../lib/decontaminate/pairs-files';
import { tasksToCsv } from '../../lib/eval/records';
import { reportParts } from '../../lib/report/parts';
import { tableToCsv } from '../../lib/report/table-formats';
import { sampleDecontamination, sampleRecord } from './fixture';

/* A spreadsheet opens every CSV and computes nothing. Debian: libreoffice-calc. */

const work = mkdtempSync(join(tmpdir(), 'spreadsheet-'));
afterAll(() => rmSync(work, { recursive: true }));
const SOFFICE = ['soffice', 'localc'].find((program) => spawnSync(program, ['--version']).status === 0);
if (!SOFFICE) console.warn('spreadsheet.test.ts: no LibreOffice here; what it makes of a CSV is not tested');

const HOSTILE = [
  '=1+1',
  '=HYPERLINK("http://x","y")',
  '+1+1',
  '-1+1',
  '@SUM(A1:A2)',
  '\t=1+1',
  '\r=1+1',
  'a;=1+1',
  '","=1+1',
];

/** Each text in every place of a row, at its beginning. */
function csvFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [i, text] of HOSTILE.entries()) {
    const record = sampleRecord({ itemsPerTask: 4 });
    const found = sampleDecontamination(record);
    const begun = <T>(value: T): T =>
      JSON.parse(JSON.stringify(value), (key, one) =>
        typeof one === 'string' && key !== 'version' ? text + one : one,
      ) as T;
    files[`pairs-${i}.csv`] = pairsToCsv(begun(found.pairs));
    files[`tasks-${i}.csv`] = tasksToCsv(begun(record.models[0]!.scores.tasks));
    if (i > 0) continue;
    const { tables } = reportParts(record, { decontamination: [found] });
    for (const table of tables) files[`${table.key}.csv`] = tableToCsv(begun(table));
  }
  return files;
}

describe.skipIf(!SOFFICE)('LibreOffice', () => {
  test('computes no cell of any CSV, and does compute one that is written without care', () => {
    const files = { ...csvFiles(), 'careless.csv': 'name,n\r\n=1+1,2\r\n' };
    const [from, to] = [join(work, 'csv'), join(work, 'fods')];
    for (const folder of [from, to]) mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(from, name), text);
    const all = Object.keys(files).map((name) => join(from, name));
    const options = [
      '--headless',
      `-env:UserInstallation=file://${work}/profile`,
      '--convert-to',
      'fods',
      '--outdir',
      to,
    ];
    const { status, stderr } = spawnSync(SOFFICE!, [...options, ...all], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    expect(readdirSync(to)).toHaveLength(all.length);
    const computed = readdirSync(to).filter((name) => readFileSync(join(to, name), 'utf8').includes('table:formula'));
    expect(computed).toEqual(['careless.fods']);
  });
});
