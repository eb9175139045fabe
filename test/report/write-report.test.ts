import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRun } from '../../lib/compare/read-run';
import { writeReport } from '../../lib/report/write-report';
import { sampleDecontamination, sampleRecord } from './fixture';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
});
afterAll(() => rm(folder, { recursive: true }));

const record = sampleRecord({ tasks: ['medqa_4options', 'pubmedqa'], seeds: [42, 43] });

/** Every file below a folder, with its bytes. */
async function contents(of: string): Promise<Map<string, string>> {
  const names = (await readdir(of, { recursive: true })).filter((name) => name.includes('.')).sort();
  return new Map(
    await Promise.all(
      names.map(async (name) => [`/${name}`, (await readFile(join(of, name))).toString('latin1')] as const),
    ),
  );
}

describe('writeReport', () => {
  it('writes page, text, comparison, each table as CSV and JSON, each figure as SVG and PNG; equal records, equal files', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    const extras = { decontamination: [sampleDecontamination(record)] };
    const parts = await writeReport(record, extras, first);
    // As a run reads it back from its file.
    await writeReport(JSON.parse(JSON.stringify(record)), JSON.parse(JSON.stringify(extras)), second);
    const files = await contents(first);
    const wanted = [
      ...parts.tables.flatMap(({ key }) => [`/tables/${key}.csv`, `/tables/${key}.json`]),
      ...parts.figures.flatMap(({ key }) => [`/figures/${key}.svg`, `/figures/${key}.png`]),
      ...['/comparison.json', '/report.html', '/report.md'],
    ];
    expect([...files.keys()].sort()).toEqual(wanted.sort());
    expect(await contents(second)).toEqual(files);
    expect(files.get('/report.md')).toContain('Not for clinical decisions');
  });

  it('makes tables and figures anew, and leaves the run’s own files', async () => {
    const own = join(folder, 'own');
    await mkdir(join(own, 'figures'), { recursive: true });
    await writeFile(join(own, 'figures', 'figure-9.svg'), 'old');
    await writeFile(join(own, 'run.json'), JSON.stringify(record));
    await writeReport(
      sampleRecord({ tasks: ['medqa_4options'], lora: null, full: null, quiz: false }),
      { decontamination: [] },
      own,
    );
    const names = [...(await contents(own)).keys()];
    expect(names).not.toContain('/figures/figure-9.svg');
    expect(names).not.toContain('/comparison.json');
    expect(names).toContain('/report.html');
    expect(await readRun(own)).toEqual({ record, decontamination: [] });
  });
});
