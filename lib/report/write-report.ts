import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../compare/run-record';
import { svgToPng } from '../draw/png';
import { drawSvg } from '../draw/svg';
import { writeFileAtomic } from '../files';
import { reportHtml } from './page/html';
import { reportMarkdown } from './page/markdown';
import { type ReportExtras, type ReportParts, reportParts } from './parts';
import { tableToCsv } from './table-formats';

/**
 * Writes all that is made from a run's saved results:
 *
 *     tables/KEY.csv .json     figures/KEY.svg .png     comparison.json     report.md     report.html, the last
 *
 * The folders tables/ and figures/ are made anew: what an earlier report left there is gone. Equal records give equal files.
 *
 * @param folder the run's; run.json and manifest.json, which lie there too, are not touched
 * @returns what was written, for the terminal
 * @throws when the record's models were asked different questions
 */
export async function writeReport(record: RunRecord, extras: ReportExtras, folder: string): Promise<ReportParts> {
  const parts = reportParts(record, extras);
  for (const made of ['tables', 'figures']) await rm(join(folder, made), { recursive: true, force: true });
  for (const table of parts.tables) {
    await writeFileAtomic(join(folder, 'tables', `${table.key}.csv`), tableToCsv(table));
    await writeFileAtomic(join(folder, 'tables', `${table.key}.json`), json(table));
  }
  const drawings = new Map<string, string>();
  for (const figure of parts.figures) {
    const svg = await drawSvg(figure);
    drawings.set(figure.key, svg);
    await writeFileAtomic(join(folder, 'figures', `${figure.key}.svg`), svg);
    await writeFileAtomic(join(folder, 'figures', `${figure.key}.png`), await svgToPng(svg));
  }
  if (parts.comparison) await writeFileAtomic(join(folder, 'comparison.json'), json(parts.comparison));
  await writeFileAtomic(join(folder, 'report.md'), reportMarkdown(parts));
  await writeFileAtomic(join(folder, 'report.html'), reportHtml(parts, drawings));
  return parts;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
