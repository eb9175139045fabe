import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { TrainExample } from '../../lib/data/examples';
import { decontaminate } from '../../lib/decontaminate/decontaminate';
import { openRowTexts, type RowTexts } from '../../lib/decontaminate/row-texts';

/** Texts of rows in a file: what comes out is what went in, and nothing of it stays. */

let texts: RowTexts | undefined;
afterEach(() => {
  texts?.close();
  texts = undefined;
});

const row = (id: string, prompt: string): TrainExample => ({ id, source: 'own', prompt, response: 'r' });

test('each different text once, in the order of its first row, with its rows’ number', () => {
  texts = openRowTexts('question-options', true);
  const given = ['heart', 'lung', 'heart', '', 'β-cell 心', 'ﬁne', 'fine'];
  const added = given.map((prompt, i) => texts!.add(row(`r${i}`, prompt)));
  // A ligature and its letters are one text.
  expect(added).toEqual(['heart', 'lung', undefined, '', 'β-cell 心', 'fine', undefined]);
  expect([...texts]).toEqual(['heart', 'lung', '', 'β-cell 心', 'fine']);
  expect(texts.of(4)).toEqual({ id: 'r5', source: 'own', copies: 2, written: 'ﬁne' });
  expect([texts.ofRow('r2'), texts.ofRow('r6'), texts.ofRow('r9')]).toEqual([0, 4, undefined]);
  expect([texts.length, texts.at(3)]).toEqual([5, 'β-cell 心']);
});

test('more than is written at once: read in order and one by one, also between two additions', () => {
  texts = openRowTexts('question-options', false);
  const long = (i: number) => `${i} ${'é'.repeat(50_000 + (i % 7) * 40_000)}`;
  for (let i = 0; i < 60; i++) {
    texts.add(row(String(i), long(i)));
    if (i === 30) expect(texts.at(30)).toBe(long(30));
  }
  texts.add(row('huge', 'x'.repeat(9_000_000)));
  let i = 0;
  for (const text of texts) expect(text === (i < 60 ? long(i) : 'x'.repeat(9_000_000)), `text ${i++}`).toBe(true);
  expect(i).toBe(61);
  expect(texts.at(17)).toBe(long(17));
});

test('rows read one after the other are compared as those in memory; no file stays, also where reading fails', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'own-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  const items = [
    { id: 'i', task: 'medqa', question: 'which organ pumps blood', choices: ['heart', 'lung'], answer: 0 },
  ];
  const rows = [
    row('a', 'which organ pumps blood\na. heart\nb. lung'),
    { ...row('b', 'and now?'), history: [{ prompt: 'something else entirely', response: 'yes' }] },
    row('c', 'a third question about something'),
  ];
  const inMemory = await decontaminate({ items, rows, comparison: { kind: 'tf-idf' } });
  const read = await decontaminate({
    items,
    rows: async (take) => {
      for (const one of rows) take(one);
    },
    comparison: { kind: 'tf-idf' },
  });
  expect(read).toEqual(inMemory);
  expect([read.flagged, read.trainingRows, read.trainingTexts]).toEqual([['i'], 3, 4]);
  const failing = decontaminate({
    items,
    rows: (take) => {
      take(rows[0]!);
      throw new Error('line 2 is no JSON');
    },
    comparison: { kind: 'tf-idf' },
  });
  await expect(failing).rejects.toThrow('line 2 is no JSON');
  expect(readdirSync(temporary)).toEqual([]);
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(temporary, { recursive: true });
});
