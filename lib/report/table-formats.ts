import { csvField, htmlText, latexText, markdownText, plainText } from '../escape';
import { type Cell, cellText, columnGroups, isEstimate, isNumeric, type Row, type Table } from './table';

/**
 * The table as CSV after RFC 4180: one header line, CRLF, numbers in full, empty where there is none. An estimate takes
 * three columns: key, key_low, key_high.
 */
export function tableToCsv({ columns, rows }: Table): string {
  const header = columns.flatMap(({ key, estimate }) => (estimate ? [key, `${key}_low`, `${key}_high`] : [key]));
  const lines = rows.map(({ cells }) => columns.flatMap(({ estimate }, i) => csvCells(cells[i] ?? null, estimate)));
  return [header, ...lines].map((cells) => `${cells.map(csvField).join(',')}\r\n`).join('');
}

function csvCells(cell: Cell, estimate = false): (string | number | null)[] {
  if (!estimate) return [isEstimate(cell) ? cell.value : cell];
  return isEstimate(cell) ? [cell.value, cell.low, cell.high] : [cell, null, null];
}

/** Headings of one line: the group's name goes before its columns' where columns have one. */
function headings({ columns }: Table): string[] {
  return columns.map(({ label, group }) => (group ? `${group}, ${label}` : label));
}

function texts(table: Table, { cells, level }: Row, part: string): string[] {
  return table.columns.map((column, i) => {
    const text = cellText(cells[i] ?? null, column);
    return i === 0 && level === 'part' ? `${part}${text}` : text;
  });
}

/** The table as Markdown, its title above and its notes below. */
export function tableToMarkdown(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |\n`;
  const rule = `| ${table.columns.map((_, i) => (isNumeric(table, i) ? '---:' : '---')).join(' | ')} |\n`;
  const body = table.rows.map((row) => line(texts(table, row, '- '))).join('');
  const notes = table.notes.map((note) => `\n${markdownText(note)}\n`).join('');
  return `**${markdownText(table.title)}**\n\n${line(headings(table))}${rule}${body}${notes}`;
}

/** The table for a terminal: columns aligned, notes wrapped to `width`. */
export function tableToText(table: Table, width = 100): string {
  const cells = [headings(table), ...table.rows.map((row) => texts(table, row, '- '))].map((line) =>
    line.map(plainText),
  );
  const widths = table.columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const pad = (text: string, i: number) => (isNumeric(table, i) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!));
  const line = (of: readonly string[]) => `${of.map(pad).join('  ').trimEnd()}\n`;
  const rule = line(widths.map((n) => '-'.repeat(n)));
  const notes = table.notes.map((note) => `\n${wrapped(plainText(note), width)}`).join('');
  return `${plainText(table.title)}\n\n${line(cells[0]!)}${rule}${cells.slice(1).map(line).join('')}${notes}`;
}

function wrapped(text: string, width: number): string {
  let column = 0;
  const words = text.split(' ').map((word, i) => {
    const fits = i > 0 && column + word.length + 1 <= width;
    column = fits ? column + word.length + 1 : word.length;
    return i === 0 ? word : `${fits ? ' ' : '\n'}${word}`;
  });
  return `${words.join('')}\n`;
}

/** The table as a `<figure>` of HTML that scrolls sideways by itself where the page is narrow. */
export function tableToHtml(table: Table): string {
  const groups = columnGroups(table.columns);
  const side = table.columns.map((_, i) => (isNumeric(table, i) ? ' class="n"' : ''));
  const over = groups.map(([label, span]) =>
    label === '' ? `<td colspan="${span}"></td>` : `<th scope="colgroup" colspan="${span}">${htmlText(label)}</th>`,
  );
  const heads = table.columns.map(({ label }, i) => `<th scope="col"${side[i]}>${htmlText(label)}</th>`);
  const body = table.rows.map((row) => {
    const cells = texts(table, row, '').map((text, i) => {
      if (i === 0) return `<th scope="row"${side[i]}>${htmlText(text)}</th>`;
      return `<td${side[i]}>${htmlCell(text, row.cells[i] ?? null)}</td>`;
    });
    return `<tr${row.level ? ` class="${row.level}"` : ''}>${cells.join('')}</tr>`;
  });
  const notes = table.notes.map((note) => `<p class="note">${htmlText(note)}</p>`).join('\n');
  return [
    `<figure class="table" id="${htmlText(table.key)}">`,
    `<figcaption>${htmlText(table.title)}</figcaption>`,
    `<div class="scroll" tabindex="0"><table><thead>${groups.length > 0 ? `<tr>${over.join('')}</tr>` : ''}<tr>${heads.join('')}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody></table></div>`,
    notes,
    '</figure>',
  ].join('\n');
}

/** An estimate's interval is quieter than its value. */
function htmlCell(text: string, cell: Cell): string {
  if (!isEstimate(cell)) return htmlText(text);
  const at = text.indexOf(' [');
  return `${htmlText(text.slice(0, at))} <span class="ci">${htmlText(text.slice(at + 1))}</span>`;
}

/**
 * The table as a LaTeX `table` for the packages booktabs and graphicx; a wide one is shrunk to the text's width.
 * All that is not plain ASCII is written as commands, so that any engine and input encoding reads it.
 */
export function tableToLatex(table: Table): string {
  const { columns, rows, key, title, notes } = table;
  const line = (cells: readonly string[]) => `${cells.join(' & ')} \\\\\n`;
  const groups = columnGroups(columns);
  let next = 1;
  const rules = groups.flatMap(([label, span]) => {
    const first = next;
    next += span;
    return label === '' ? [] : [`\\cmidrule(lr){${first}-${next - 1}}`];
  });
  const over = groups.map(([label, span]) => `\\multicolumn{${span}}{c}{${latexText(label)}}`);
  const tabular = [
    `\\begin{tabular}{${columns.map((_, i) => latexColumn(table, i)).join('')}}\n\\toprule\n`,
    groups.length > 0 ? `${line(over)}${rules.join(' ')}\n` : '',
    line(columns.map(({ label }) => latexText(label))),
    '\\midrule\n',
    ...rows.map((row) =>
      line(
        texts(table, row, '').map((text, i) => `${i === 0 && row.level === 'part' ? '\\quad ' : ''}${latexText(text)}`),
      ),
    ),
    '\\bottomrule\n\\end{tabular}',
  ].join('');
  const small = notes
    .map((note) => `\n\\par\\smallskip\n{\\footnotesize\\raggedright ${latexText(note)}\\par}`)
    .join('');
  return `% Needs \\usepackage{booktabs,graphicx}
\\begin{table}[htbp]
\\centering
\\caption{${latexText(captionOf(title))}}
\\label{tab:${key}}
\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%
${tabular}%
}${small}
\\end{table}
`;
}

/** LaTeX numbers tables itself: the paper's number goes to the end. */
function captionOf(title: string): string {
  const [, number, rest] = /^Table (\w+)\. (.*)$/.exec(title) ?? [];
  return number === undefined ? title : `${rest} (the paper’s table ${number})`;
}

/** Long text is set in lines. */
function latexColumn(table: Table, i: number): string {
  if (isNumeric(table, i)) return 'r';
  const longest = Math.max(...table.rows.map(({ cells }) => cellText(cells[i] ?? null, table.columns[i]!).length));
  return longest > 100 ? 'p{9cm}' : longest > 45 ? 'p{5cm}' : 'l';
}
