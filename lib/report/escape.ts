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
