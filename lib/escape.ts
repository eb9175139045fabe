/*
 * Names of models, data and devices come from outside: each format's own way to show them as they are.
 */

/** RFC 4180: quoted when it holds a comma, a quote or a line break; quotes doubled. */
export function csvField(cell: string | number | null): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Without control characters, which could move a terminal's cursor or split a line; every run of white space is one space. */
export function plainText(text: string): string {
  // Not a regular expression over control characters: the rule is easier to read by number.
  const visible = [...text].map((character) => (isControl(character.codePointAt(0)!) ? ' ' : character)).join('');
  return visible.replace(/\s+/g, ' ').trim();
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e);
}

/** One line of Markdown text: no cell border, emphasis, link or HTML comes out of it. */
export function markdownText(text: string): string {
  return plainText(text)
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** Plotly reads <b>, <a href> and entities in every text it draws. */
export function plotlyText(text: string): string {
  return plainText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Text as HTML text or attribute, white space as it is: no tag or entity comes out of it. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** One line of text inside an HTML element or a quoted attribute. */
export function htmlText(text: string): string {
  return escapeHtml(plainText(text));
}

const LATEX: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': "''",
  '`': '\\`{}',
  '–': '--',
  '—': '---',
  '’': "'",
  '‘': '`',
  '“': '``',
  '”': "''",
  '…': '\\ldots{}',
  '−': '$-$',
  '×': '$\\times$',
  '÷': '$\\div$',
  '±': '$\\pm$',
  '→': '$\\rightarrow$',
  '≤': '$\\le$',
  '≥': '$\\ge$',
  '≈': '$\\approx$',
  '·': '$\\cdot$',
  '°': '$^\\circ$',
  µ: '$\\mu$',
  μ: '$\\mu$',
  α: '$\\alpha$',
  β: '$\\beta$',
  '²': '$^2$',
  '³': '$^3$',
  '†': '$\\dagger$',
  '‡': '$\\ddagger$',
  ß: '\\ss{}',
  ø: '\\o{}',
  Ø: '\\O{}',
  æ: '\\ae{}',
  ı: '\\i{}',
};

/** Combining marks, as LaTeX puts them on a letter. */
const ACCENTS: Readonly<Record<string, string>> = {
  '\u0300': '`',
  '\u0301': "'",
  '\u0302': '^',
  '\u0303': '~',
  '\u0308': '"',
  '\u030a': 'r',
  '\u030c': 'v',
  '\u0327': 'c',
};

/**
 * One line of LaTeX text in ASCII alone. Characters that have no command here stand as their code point, [U+4E2D]:
 * seen to be missing, and no error.
 */
export function latexText(text: string): string {
  return [...plainText(text).normalize('NFC')].map(latexCharacter).join('');
}

function latexCharacter(character: string): string {
  if (/[&%_#${}]/.test(character)) return `\\${character}`;
  const known = LATEX[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0)!;
  if (code < 0x80) return character;
  const [letter = '', accent = '', more] = [...character.normalize('NFD')];
  if (ACCENTS[accent] && more === undefined && /[A-Za-z]/.test(letter)) return `\\${ACCENTS[accent]}{${letter}}`;
  return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
}
