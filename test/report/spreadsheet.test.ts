import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pairsToCsv } from '../../lib/decontaminate/pairs-files';
import { csvField } from '../../lib/escape';
import { reportParts } from '../../lib/report/parts';
import { tableToCsv } from '../../lib/report/table-formats';
import { sampleDecontamination, sampleRecord } from './fixture';

/*
 * Every CSV in a real spreadsheet that computes what it can: no cell of ours becomes a formula. Skipped where LibreOffice is
 * not installed.
 */

const SOFFICE = ['/usr/bin/soffice', '/usr/bin/libreoffice'].find((path) => existsSync(path));
const work = mkdtempSync(join(tmpdir(), 'spreadsheet-'));
afterAll(() => rmSync(work, { recursive: true }));

const NASTY = [
  ...['=1+1', '+1+1', '-1+1', '@SUM(1)', '＝1+1', ' =1+1', '\t=1+1', '\r=1+1', '\n=1+1', '\u0000=1+1', '\u202e=1+1'],
  ...['"=1+1', '",=1+1', ';=1+1', '";=1+1', 'a\n=1+1', 'a\r=1+1', '=HYPERLINK("http://127.0.0.1/x","y")'],
  ...[
    '=WEBSERVICE("http://127.0.0.1/")',
    "=cmd|' /C calc'!A0",
    "'=1+1",
    '{=1+1}',
    '\u00a0=1+1',
    '\ufeff=1+1',
    '\u200b=1+1',
  ],
];

/** The formulas of each file, as LibreOffice reads it with this separator; "true" at the end: formulas are computed. */
function formulas(files: Readonly<Record<string, string>>, separator: number): Record<string, string[]> {
  const folder = join(work, String(separator));
  mkdirSync(folder);
  const paths = Object.keys(files).map((name) => join(folder, `${name}.csv`));
  for (const [i, text] of Object.values(files).entries()) writeFileSync(paths[i]!, text);
  const filter = `CSV:${separator},34,76,1,,0,false,true,false,false,false,-1,true`;
  const profile = `-env:UserInstallation=file://${join(work, 'profile')}`;
  const args = [profile, '--headless', `--infilter=${filter}`, '--convert-to', 'fods', '--outdir', folder, ...paths];
  execFileSync(SOFFICE!, args, { stdio: 'ignore', timeout: 240_000 });
  return Object.fromEntries(
    paths.map((path) => {
      const sheet = readFileSync(path.replace(/csv$/, 'fods'), 'utf8');
      return [basename(path, '.csv'), [...sheet.matchAll(/table:formula="([^"]*)"/g)].map(([, formula]) => formula!)];
    }),
  );
}

test.skipIf(!SOFFICE)('a spreadsheet computes nothing of a CSV file', { timeout: 300_000 }, () => {
  const files: Record<string, string> = {
    cells: NASTY.map((text) => `x,${csvField(text)},${csvField(`${text}\u2029${text}`)}\r\n`).join(''),
  };
  const hostile = ',=1+1;=1+1\n=1+1";=1+1,"=1+1\t=1+1';
  const record = sampleRecord({ hostile, seeds: [42], itemsPerTask: 4 });
  const decontamination = sampleDecontamination(record, { hostile });
  files.pairs = pairsToCsv(decontamination.pairs);
  for (const table of reportParts(record, { decontamination: [decontamination] }).tables) {
    files[table.key] = tableToCsv(table);
  }
  for (const separator of [44, 59]) {
    const found = formulas({ ...files, control: 'x,=1+1\r\nx;=1+1\r\n' }, separator);
    // It does compute where it can.
    expect(found.control).toEqual(['of:=1+1']);
    expect(Object.entries(found).filter(([name, all]) => name !== 'control' && all.length > 0)).toEqual([]);
  }
});
