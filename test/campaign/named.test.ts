import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadTrainExamples } from '../../lib/data/examples';
import { openScoreFile } from '../../lib/eval/score-file';
import { readTextIfThere } from '../../lib/json-file';
import { adapterConfig } from '../../lib/model/adapter-config';
import { LLAMA_2 } from '../../lib/model/llama-2';
import { readNotebook } from '../../lib/notebook/runner/notebook-file';
import { readTrials } from '../../lib/run/rate-trial';
import { readSettings } from '../../lib/run/settings/read';
import { readTrainedTemplate } from '../../lib/run/trained-template';

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

test('patterns of an adapter that take years, or that are no patterns', () => {
  const read = (target_modules: string) => () =>
    adapterConfig({ peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules }, 'a.json', LLAMA_2['7B']);
  expect(read('.*self_attn\\.(q|v)_proj$')().config.targetModules).toEqual(['q_proj', 'v_proj']);
  expect(read('(.*)*#')).toThrow(
    'a.json: "target_modules" must be patterns that match the model\'s layers within 3 seconds',
  );
  expect(read('a'.repeat(100_000))).toThrow(/must be a regular expression .*it has 100000 characters, more than 30000/);
});

test('trials and the note of a template: damaged ones are refused by field, a pipe is not waited for', async () => {
  const at = async (file: string, content: string) => {
    const folder = folderWith(file, (path) => writeFileSync(path, content));
    return file === 'workbook.json' ? readTrainedTemplate(folder) : readTrials(join(folder, file));
  };
  await expect(at('trials.json', '[{')).rejects.toThrow(/^tune: .*trials\.json is damaged .*; delete it, and/);
  await expect(at('trials.json', '[{"identity":"x"}]')).rejects.toThrow(
    /^tune: .*trials\.json: "0\.method" must be one of "lora", "full", got nothing; delete it/,
  );
  await expect(readTrials(join(folderWith('trials.json', pipe), 'trials.json'))).rejects.toThrow('is a FIFO');
  await expect(at('workbook.json', '{"template":"med43"}')).rejects.toThrow(
    '"template" must be one of med42, model, none, got "med43"; correct it, or delete it',
  );
  expect(await at('workbook.json', '{}')).toBeUndefined();
  await expect(readTrainedTemplate(folderWith('workbook.json', pipe))).rejects.toThrow('is a FIFO');
});
