import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { rewindLog } from '../../lib/train/log';

const work = mkdtempSync(join(tmpdir(), 'log-'));
afterAll(() => rmSync(work, { recursive: true }));

const update = (step: number) => ({
  step,
  epoch: 0,
  loss: 2,
  gradientNorm: 1,
  learningRate: 0.1,
  responseTokens: 5,
  tokens: 8192,
  seconds: 1,
});
const look = (step: number) => ({ step, epoch: 0, heldOutLoss: 2 });
/** Two updates an epoch, and a look after each. */
const WHOLE = [look(0), update(1), update(2), look(2), update(3), update(4), look(4)];
const textOf = (records: readonly object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');

const everySecond = (updates: number) => updates % 2 === 0;

let made = 0;
function logOf(text: string): string {
  const path = join(work, `${made++}.jsonl`);
  writeFileSync(path, text);
  return path;
}

describe('a training log', () => {
  test('is cut back to what the checkpoint knows, whatever a kill left after it', async () => {
    for (const rest of ['', '{"step":5,"ep', `${JSON.stringify(update(5))}\n\0\0\0\n`]) {
      const path = logOf(textOf(WHOLE) + rest);
      expect(await rewindLog(path, 4, everySecond)).toEqual(WHOLE);
      expect(readFileSync(path, 'utf8')).toBe(textOf(WHOLE));
    }
    expect(await rewindLog(logOf(textOf(WHOLE)), 3, everySecond)).toEqual(WHOLE.slice(0, 5));
    expect(await rewindLog(logOf('rubbish\n'), -1, everySecond)).toEqual([]);
    expect(await rewindLog(join(work, 'none.jsonl'), -1, everySecond)).toEqual([]);
  });

  test.each<readonly [string, string, string]>([
    [
      'shorter than its checkpoint',
      textOf(WHOLE.slice(0, 2)),
      'line 3 is missing: that of update 2, which the checkpoint',
    ],
    ['without its last look', textOf(WHOLE.slice(0, 6)), 'line 7 is missing: that of the held-out loss after update 4'],
    ['gone', '', 'line 1 is missing: that of the held-out loss after update 0'],
    ['with a line taken out', textOf(WHOLE.toSpliced(1, 1)), 'line 2: "step" must be 1, that of update 1, got 2'],
    ['with a broken line', textOf(WHOLE).replace('"step":3', '"step"'), 'line 5 is damaged ('],
    [
      'without a number',
      textOf(WHOLE).replace('"tokens":8192', '"tokens":null'),
      'line 2: "tokens" must be a whole number',
    ],
  ])('%s is refused with its line and what to do', async (_, text, message) => {
    const path = logOf(text);
    const refused = expect(rewindLog(path, 4, everySecond)).rejects;
    await refused.toThrow(message);
    await expect(rewindLog(path, 4, everySecond)).rejects.toThrow(`; delete the folder ${work} to train anew`);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
