import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadTrainExamples } from '../../lib/data/examples';
import { openScoreFile } from '../../lib/eval/score-file';
import { readTextIfThere } from '../../lib/json-file';
import { readNotebook } from '../../lib/notebook/runner/notebook-file';
import { readSettings } from '../../lib/run/settings/read';

/* Inputs that once hung or were refused without a cause. */

const work = mkdtempSync(join(tmpdir(), 'named-'));
afterAll(() => rmSync(work, { recursive: true }));

let made = 0;
function folderWith(file: string, place: (path: string) => void): string {
  const folder = join(work, String(made++));
  mkdirSync(join(folder, 'train'), { recursive: true });
  place(join(folder, file));
  return folder;
}
const pipe = (path: string) => execFileSync('mkfifo', [path]);
const device = (path: string) => symlinkSync('/dev/zero', path);
const deep = (text: (nested: string) => string) => (path: string) =>
  writeFileSync(path, text('['.repeat(100_000) + ']'.repeat(100_000)));

describe('rows', () => {
  test.each<readonly [string, string, (path: string) => void, string]>([
    ['a named pipe', 'train/a.jsonl', pipe, 'a.jsonl is a FIFO; put the file itself there'],
    ['a device', 'train/a.jsonl', device, 'a.jsonl is a device; put the file itself there'],
    [
      'a line that nests 100,000 deep',
      'train/a.jsonl',
      deep((nested) => `{"prompt":"a","response":"b","x":${nested}}\n`),
      'examples: train/a.jsonl line 1: invalid JSON (it nests more than 100 levels); fix or delete the line',
    ],
    [
      'a row of an array that does',
      'train/a.json',
      deep((nested) => `[{"prompt":"a","response":"b","x":${nested}}]`),
      'examples: train/a.json row 1: it nests more than 100 levels; fix or delete the row',
    ],
  ])('%s', async (_, file, place, message) => {
    await expect(loadTrainExamples(folderWith(file, place))).rejects.toThrow(message);
  });
});

test('settings, notebooks and score files: no pipe is waited for, no depth overflows', async () => {
  const settings = (place: (path: string) => void) => join(folderWith('s.json', place), 's.json');
  expect(() => readSettings(settings(pipe))).toThrow('s.json is not a file; put the file itself there');
  expect(() => readSettings(settings(deep((nested) => `{"seed":${nested}}`)))).toThrow(
    's.json is not valid JSON (it nests more than 100 levels); mend it there',
  );
  await expect(readNotebook(settings(pipe))).rejects.toThrow('s.json is a FIFO; put the file itself there');
  await expect(openScoreFile(settings(device), 'x')).rejects.toThrow('s.json is a device; put the file itself there');
  const broken = settings((path) => symlinkSync(join(work, 'nowhere'), path));
  await expect(readTextIfThere(broken, 'train')).rejects.toThrow(
    's.json is a link to what is not there; bring that back',
  );
});
