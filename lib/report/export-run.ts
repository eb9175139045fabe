import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../compare/run-record';
import { svgToPdf } from '../draw/pdf';
import { svgToPng } from '../draw/png';
import { drawSvg } from '../draw/svg';
import { latexText } from '../escape';
import { writeFileAtomic } from '../files';
import { type ReportExtras, reportParts } from './parts';
import { tableToCsv, tableToLatex, tableToMarkdown } from './table-formats';

/** What `exportRun` wrote. */
export interface Exported {
  readonly figures: readonly string[];
  readonly tables: readonly string[];
}

/**
 * Every figure and table of a run for another document, from its saved results alone:
 *
 *     figures/KEY.svg .png .pdf     tables/KEY.csv .md .tex     tables/all.tex, which compiles as it is
 *
 * The folder is made anew.
 *
 * @param onProgress figures and tables written, of all, and the last one's key
 */
export async function exportRun(
  record: RunRecord,
  extras: ReportExtras,
  folder: string,
  onProgress: (done: number, total: number, key: string) => void = () => {},
): Promise<Exported> {
  const { figures, tables } = reportParts(record, extras);
  let done = 0;
  const wrote = (key: string) => onProgress(++done, figures.length + tables.length, key);
  await rm(folder, { recursive: true, force: true });
  for (const figure of figures) {
    const svg = await drawSvg(figure);
    const write = (extension: string, content: string | Buffer) =>
      writeFileAtomic(join(folder, 'figures', `${figure.key}.${extension}`), content);
    await write('svg', svg);
    await write('png', await svgToPng(svg));
    await write('pdf', await svgToPdf(svg, figure.title));
    wrote(figure.key);
  }
  for (const table of tables) {
    const write = (extension: string, content: string) =>
      writeFileAtomic(join(folder, 'tables', `${table.key}.${extension}`), content);
    await write('csv', tableToCsv(table));
    await write('md', tableToMarkdown(table));
    await write('tex', tableToLatex(table));
    wrote(table.key);
  }
  const keys = tables.map(({ key }) => key);
  await writeFileAtomic(join(folder, 'tables', 'all.tex'), allTables(record, keys));
  return { figures: figures.map(({ key }) => key), tables: keys };
}

function allTables({ subject, preset }: RunRecord, keys: readonly string[]): string {
  return `\\documentclass{article}
\\usepackage{booktabs,graphicx}
\\usepackage[margin=2cm]{geometry}
\\begin{document}
\\noindent ${latexText(`${subject.model}; ${subject.data}; ${subject.device}; preset ${preset}`)}. Research only, not for clinical decisions.
${keys.map((key) => `\\input{${key}.tex}\n\\clearpage`).join('\n')}
\\end{document}
`;
}
