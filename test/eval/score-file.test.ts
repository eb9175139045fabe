import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scoreItems } from '../../lib/eval/score';
import { openScoreFile } from '../../lib/eval/score-file';
import { byteTokenizer, fakeScorer } from './fakes';

const tokenizer = byteTokenizer();
const items = Array.from({ length: 6 }, (_, i) => ({
  id: `i${i}`,
  task: i < 4 ? 'headqa' : 'medqa',
  question: `Why ${'x'.repeat(i)}?`,
  choices: ['one', 'two', 'three', 'four'],
  answer: i % 4,
}));

describe('a score file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'score-file-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('keeps what a kill left, drops a torn line, and the rest is scored to the same result', async () => {
    const path = join(folder, 'items.jsonl');
    const whole = await scoreItems(items, fakeScorer(64), tokenizer);
    const first = await openScoreFile(path, 'run');
    let kept = 0;
    const killed = scoreItems(items, fakeScorer(64), tokenizer, {
      onItem: async (item) => {
        await first.append(item);
        if (++kept === 3) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    appendFileSync(path, '{"id":"i1","task":"headqa_en","logLik');

    const second = await openScoreFile(path, 'run');
    expect(second.known).toHaveLength(3);
    const scorer = fakeScorer(64);
    const resumed = await scoreItems(items, scorer, tokenizer, { known: second.known, onItem: second.append });
    expect(scorer.seen.length).toBe(3);
    expect(resumed.items).toEqual(whole.items);
    expect(resumed.tasks).toEqual(whole.tasks);
    const third = await openScoreFile(path, 'run');
    expect(new Set(third.known.map(({ id }) => id)).size).toBe(6);
    expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true);
  });

  it('does not mix runs, and names a broken line', async () => {
    const path = join(folder, 'other.jsonl');
    await openScoreFile(path, 'run');
    await expect(openScoreFile(path, 'another')).rejects.toThrow(/other.jsonl holds the results of another model/);
    writeFileSync(path, '{"format":2,"identity":"run"}\n{"id":\n{"id":"x"}\n');
    await expect(openScoreFile(path, 'run')).rejects.toThrow(/other.jsonl line 2 is not JSON/);
  });

  it.each<readonly [string, (lines: string[]) => string[], number]>([
    ['a number that was changed', (lines) => lines.map((line) => line.replace('"prediction":0', '"prediction":1')), 2],
    ['a line that was taken out', (lines) => lines.toSpliced(2, 1), 3],
    ['two lines that changed places', (lines) => [lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)], 2],
    ['a line that was written twice', (lines) => lines.toSpliced(2, 0, lines[1]!), 3],
  ])('notices %s', async (name, change, line) => {
    const path = join(folder, `${name}.jsonl`);
    const { append } = await openScoreFile(path, 'run');
    await scoreItems(items, fakeScorer(64), tokenizer, { onItem: append });
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const changed = change(lines);
    expect(changed).not.toEqual(lines);
    const text = `${changed.join('\n')}\n`;
    writeFileSync(path, text);
    await expect(openScoreFile(path, 'run')).rejects.toThrow(
      `${name}.jsonl line ${line} is not as it was written, or a line before it is missing`,
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it.each([
    ['{"format":1,"identity":"run"}\n', 1],
    ['{"identity":"run"}\n{"id":"x","task":"medqa_4options"}\n', undefined],
  ])('of another version is refused and left as it is: %s', async (text, format) => {
    const path = join(folder, 'version.jsonl');
    writeFileSync(path, text);
    await expect(openScoreFile(path, 'run')).rejects.toThrow(
      new RegExp(`version.jsonl line 1 must have "format" 2, got ${format}: another version .*; choose another --out`),
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
