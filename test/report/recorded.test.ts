import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRun } from '../../lib/compare/read-run';
import { WORKBOOK_ROOT } from '../../lib/files';
import { reportMarkdown } from '../../lib/report/page/markdown';
import { reportParts } from '../../lib/report/parts';
import { tableToCsv } from '../../lib/report/table-formats';
import { PRESETS, type PresetName } from '../../lib/run/presets';
import { TRIALS_FILE, type Trial, TUNING_TABLE, trialsTable } from '../../lib/run/rate-trial';

const RECORDED = join(WORKBOOK_ROOT, 'results', 'recorded');
const holding = (file: string) => readdirSync(RECORDED).filter((name) => existsSync(join(RECORDED, name, file)));
const read = (...path: string[]) => readFileSync(join(RECORDED, ...path), 'utf8');

test.each(holding('run.json.gz'))(
  'the tables and the report of recorded %s follow from its record alone',
  async (name) => {
    const { record, decontamination } = await readRun(join(RECORDED, name));
    const parts = reportParts(record, { decontamination });
    const tables = Object.fromEntries(parts.tables.map((table) => [`${table.key}.csv`, tableToCsv(table)]));
    const files = readdirSync(join(RECORDED, name, 'tables')).filter((file) => file.endsWith('.csv'));
    expect(files.sort()).toEqual(Object.keys(tables).sort());
    for (const file of files) expect([file, read(name, 'tables', file)]).toEqual([file, tables[file]]);
    expect(read(name, 'report.md')).toBe(reportMarkdown(parts));
    expect(readdirSync(join(RECORDED, name, 'figures')).sort()).toEqual(
      parts.figures.flatMap(({ key }) => [`${key}.png`, `${key}.svg`]).sort(),
    );
  },
  60_000,
);

test.each(holding(TRIALS_FILE))('the table of recorded %s is that of its trials', (name) => {
  const trials: Trial[] = JSON.parse(read(name, TRIALS_FILE));
  expect(read(name, TUNING_TABLE)).toBe(`${trialsTable(trials)}\n`);
  const preset = name.replace('tune-', '') as PresetName;
  if (!(preset in PRESETS)) return;
  // What the preset has is what its trials chose: the least held-out loss of each method.
  for (const method of ['lora', 'full'] as const) {
    const own = trials.filter((one) => one.method === method);
    expect(own.map(({ rate }) => rate)).toEqual(PRESETS[preset].rateGrid![method]);
    const best = own.reduce((a, b) => (b.heldOutLoss < a.heldOutLoss ? b : a));
    expect(PRESETS[preset][method].learningRate).toBe(best.rate);
  }
});
