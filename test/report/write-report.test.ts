import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeReport } from '../../lib/report/write-report';
import { sampleDecontamination, sampleRecord } from './fixture';

let folder: string;
beforeAll(async () => {
  folder = process.env.REPORT_OUT ?? (await mkdtemp(join(tmpdir(), 'report-')));
});
afterAll(async () => {
  if (!process.env.REPORT_OUT) await rm(folder, { recursive: true });
});

describe('writeReport', () => {
  it('writes', async () => {
    const record = sampleRecord();
    await writeReport(record, { decontamination: [sampleDecontamination(record)] }, folder);
    expect(await readdir(join(folder, 'figures'))).toContain('figure-1.png');
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toContain('</html>');
  });
});
