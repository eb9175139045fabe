import { expect, test } from 'vitest';
import { cleanExample } from '../../lib/data/mixing/clean';
import { htmlToText } from '../../lib/data/mixing/html';
import { mendMojibake } from '../../lib/data/mixing/mojibake';
import recorded from './fixtures/mending.json';

/** Where we leave what ftfy changes, and why. */
const DIFFERS: Readonly<Record<string, string>> = {
  // Square and cubic ångström, which ftfy makes Ų and ų.
  'surface of 20 Å², 3 Å³': 'surface of 20 Å², 3 Å³',
};

test(`misread texts become what ftfy ${recorded.ftfy} makes of them, once and twice misread, in part and whole`, () => {
  expect(recorded.mojibake.length).toBeGreaterThan(50);
  for (const { text, mended } of recorded.mojibake) {
    expect({ text, mended: mendMojibake(text) }).toEqual({ text, mended: DIFFERS[text] ?? mended });
  }
});

test('a text that UTF-8 made of good text is that text again; good text is the very text', () => {
  for (const { text, mended } of recorded.good) {
    expect(mendMojibake(text)).toBe(mended);
    expect(mendMojibake(mended)).toBe(mended);
  }
});

test(`references become characters as Python ${recorded.python}'s html.unescape has it, once`, () => {
  for (const { text, mended } of recorded.references) {
    expect({ text, mended: htmlToText(text) }).toEqual({ text, mended });
  }
  // Python's takes references without a semicolon too, and so would change a link and a name.
  expect(htmlToText('R&D, ?a=1&copy=2')).toBe('R&D, ?a=1&copy=2');
});

test('forum HTML becomes text: paragraphs, lists, breaks, powers, code; other angle brackets stay', () => {
  const html =
    '<p>About 10<sup>6</sup> cells &amp; more,\n see <a href="x">this</a>.</p>\n\n<ul>\n<li>one</li>\n' +
    '<li>two &lt;b&gt;</li>\n</ul><pre><code>a\n  b</code></pre>end<br/>line<blockquote>said</blockquote>';
  expect(htmlToText(html)).toBe(
    'About 10^6 cells & more, see this.\n\n- one\n- two <b>\n\na\n  b\n\nend\nline\n\nsaid',
  );
  for (const text of ['p < 0.05 and x>3', 'a <- b', '<|user|> hello', 'List<String> x', 'if a<b>c', '<unk>']) {
    expect(htmlToText(text.replace('<b>', '< b >'))).toBe(text.replace('<b>', '< b >'));
  }
  const page = '<!DOCTYPE html>\n<html><body><p>Hi</p></body></html>';
  expect(htmlToText(page)).toBe(page);
});

test('every text of a row is mended and what was mended is said; a row left without text is left out', () => {
  const row = { id: 'a', source: 's', prompt: '<p>Itâ€™s 5 &micro;g?</p>', response: 'ok' };
  expect(cleanExample(row)).toEqual({
    example: { ...row, prompt: 'It’s 5 µg?' },
    mended: ['mojibake', 'html'],
  });
  const conversation = {
    ...row,
    system: 'a&amp;b',
    history: [{ prompt: 'x', response: '<p>y</p>' }],
    prompt: 'z',
    question: 'q',
    choices: ['1 Âµg', '2'],
  };
  expect(cleanExample(conversation).example).toEqual({
    ...conversation,
    system: 'a&b',
    history: [{ prompt: 'x', response: 'y' }],
    choices: ['1 µg', '2'],
  });
  expect(cleanExample({ ...row, response: '<p> </p>' })).toEqual({ example: undefined, mended: ['mojibake', 'html'] });
  expect(cleanExample({ ...row, prompt: '', response: 'text', plain: true }).example).toBeDefined();
  const same = { id: 'a', source: 's', prompt: 'p < 0.05', response: 'yes' };
  expect(cleanExample(same)).toEqual({ example: same, mended: [] });
});
