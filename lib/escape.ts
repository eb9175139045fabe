/*
 * Names of models, data and devices come from outside: each format's own way to show them as they are.
 */

/** Control characters, halves of a character, and what turns the direction of the text around it. */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu;

/** What spreadsheets compute, in whatever width it is written; they skip the white space before it. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/u;
/** The same where another separator than ours, or a line, would begin a cell: German spreadsheets split at semicolons. */
const INNER_FORMULA = /([;\t\r\n][\s"]*)(?=[=+\-@＝＋－＠])/gu;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * A cell of a CSV file (RFC 4180). Text is quoted when it holds a separator, a quote or a line break, quotes doubled; its
 * line breaks and tabs stay, other control characters and those of direction become spaces. Text that a spreadsheet would
 * compute gets an apostrophe before it, which says there that it is text, also where another separator than the comma would
 * begin a cell; text that is a number stays one.
 *
 * Source: OWASP, CSV injection.
 */
export function csvField(cell: string | number | null): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const seen = cell.replace(UNSEEN, (character) => (/[\t\r\n]/.test(character) ? character : ' '));
  const inner = seen.replace(INNER_FORMULA, "$1'");
  const text = FORMULA.test(inner) && !NUMBER.test(inner) ? `'${inner}` : inner;
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Without control characters, which could move a terminal's cursor or split a line; every run of white space is one space. */
export function plainText(text: string): string {
  return text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
}

/**
 * What is printed: lines and tabs as they are, every other control character and every one of direction as its code, as
 * JSON writes it, so that a line of JSON stays what it is.
 */
export function terminalText(text: string): string {
  const code = (character: string) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;
  return text.replace(UNSEEN, (character) => (/[\t\n]/.test(character) ? character : code(character)));
}

/**
 * One line of Markdown text: no cell border, emphasis, link, formula or HTML comes out of it. A dollar stands apart, for
 * Jupyter and GitHub look for formulas after the escapes are gone.
 */
export function markdownText(text: string): string {
  return plainText(text)
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('$', '<span>\\$</span>');
}

/** Plotly reads <b>, <a href>, entities, and formulas between dollars in every text it draws. */
export function plotlyText(text: string): string {
  return plainText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('$', '&#36;');
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
