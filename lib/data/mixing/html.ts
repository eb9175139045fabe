import { decodeHTMLStrict } from 'entities';
import { Parser } from 'htmlparser2';

/** Markup of prose, as web forums write it. */
const PROSE = /<\/?(?:p|br|a|b|i|em|strong|ul|ol|li|blockquote|h[1-6]|sup|sub|hr|span|div)\b[^<>]*>/i;
/** What only a text ABOUT web pages holds: taking its tags away would take its content. */
const DOCUMENT = /<(?:!doctype|html|head|body|script|style|form|input|link|meta)\b/i;
/** A reference with its semicolon; without one (`R&D`, `&copy`) an ampersand is an ampersand. */
const REFERENCE = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/i;

const PARAGRAPH = new Set([
  'p',
  'div',
  'ul',
  'ol',
  'blockquote',
  'pre',
  'table',
  'hr',
  ...'123456'.split('').map((n) => `h${n}`),
]);
const LINE = new Set(['br', 'li', 'tr']);

/**
 * A text without HTML: paragraphs, list items and line breaks become line breaks, `<sup>` a `^` (so that 10<sup>6</sup>
 * stays a power), other tags go, and references (`&amp;`, `&#39;`) become their characters, once. Text without prose
 * markup, such as `p < 0.05` or a whole web page that a row is about, keeps its tags; its references are decoded.
 *
 * @returns the very text where there was nothing to change
 */
export function htmlToText(text: string): string {
  if (text.includes('<') && PROSE.test(text) && !DOCUMENT.test(text)) return withoutTags(text);
  return text.includes('&') && REFERENCE.test(text) ? decodeHTMLStrict(text) : text;
}

function withoutTags(html: string): string {
  let out = '';
  /** Line breaks that the next text is to have before it. */
  let breaks = 0;
  let preformatted = 0;
  const wantBreaks = (count: number) => {
    breaks = Math.max(breaks, count);
  };
  const write = (text: string) => {
    if (text === '') return;
    if (breaks > 0) {
      out = out.trimEnd();
      if (out !== '') out += '\n'.repeat(breaks);
      breaks = 0;
    }
    out += text;
  };
  const parser = new Parser({
    onopentag: (name) => {
      if (PARAGRAPH.has(name)) wantBreaks(2);
      if (LINE.has(name)) wantBreaks(1);
      if (name === 'pre') preformatted++;
      if (name === 'li') write('- ');
      if (name === 'sup') write('^');
    },
    onclosetag: (name) => {
      if (PARAGRAPH.has(name)) wantBreaks(2);
      if (name === 'li' || name === 'tr') wantBreaks(1);
      if (name === 'pre') preformatted--;
    },
    ontext: (text) => {
      if (preformatted > 0) return write(text);
      const one = text.replace(/[ \t\r\n\f]+/g, ' ');
      write(breaks > 0 || out === '' || /\s$/.test(out) ? one.replace(/^ /, '') : one);
    },
  });
  parser.end(html);
  return out.trim();
}
