import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scoreFolder } from '../../lib/run/score-folder';
import { MODELS, PYTHON, pythonReady } from './python';

/** Items as a person has them: a file's name for a task, letters for answers, three to five choices. */
const ITEMS = [
  { question: 'Which organ pumps blood?', choices: ['the lung', 'the heart', 'the ear', 'the skin'], answer: 1 },
  { question: 'Where is insulin made?', choices: ['in the pancreas', 'in bone', 'in the skin'], answer: 0 },
  { question: 'What helps a burn first?', choices: ['butter', 'ice', 'flour', 'cool water', 'heat'], answer: 3 },
  { question: 'What is a fever? ', choices: ['a warm body', 'a cold', 'a rash', 'a bone'], answer: 0 },
];

describe.skipIf(!pythonReady)('a benchmark of one’s own, against the harness with a task file for it', () => {
  test.each(MODELS.slice(0, 1))(
    'letters and whole answers on %s',
    async (model) => {
      const work = mkdtempSync(join(tmpdir(), 'own-'));
      const data = join(work, 'data');
      mkdirSync(join(data, 'eval'), { recursive: true });
      const lines = ITEMS.map((item) => JSON.stringify({ ...item, answer: 'ABCDE'[item.answer] }));
      writeFileSync(join(data, 'eval', 'our_exam.jsonl'), lines.join('\n'));
      const items = join(work, 'items.jsonl');
      writeFileSync(items, ITEMS.map((item) => `${JSON.stringify(item)}\n`).join(''));
      const job = join(work, 'job.json');
      writeFileSync(job, JSON.stringify({ model, items, folder: work }));
      const script = join(__dirname, 'own_benchmark.py');
      const options: ExecFileSyncOptionsWithStringEncoding = {
        encoding: 'utf8',
        maxBuffer: 1e8,
        stdio: ['ignore', 'pipe', 'pipe'],
      };
      const theirs = JSON.parse(execFileSync(PYTHON, [script, job], options));
      for (const [variant, name] of [
        ['present', 'our_exam'],
        ['continuation', 'our_exam_continuation'],
      ] as const) {
        const out = join(work, variant);
        const { result, file } = await scoreFolder(
          {
            ...{
              model,
              adapter: null,
              data,
              rows: {},
              tasks: ['our_exam'],
              variant,
              bos: 'tokenizer',
              limit: null,
              seed: 0,
            },
            ...{ out, device: 'cpu', showRequests: null },
          },
          new AbortController().signal,
          { say: () => {}, at: () => {} },
        );
        const [task] = result.tasks;
        expect([task!.acc.value, task!.accNorm!.value]).toEqual([theirs[name].acc, theirs[name].acc_norm]);
        for (const [i, own] of result.items.entries()) {
          for (const [c, value] of own.logLikelihoods.entries()) {
            expect(Math.abs(value - theirs[name].samples[i][c]), `${name}, item ${i}, choice ${c}`).toBeLessThan(2e-4);
          }
        }
        // The harness's own files hold the task under its name.
        expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).results)).toEqual([name]);
        const folder = join(file, '..');
        expect(readdirSync(folder).some((one) => one.startsWith(`samples_${name}_`))).toBe(true);
      }
    },
    300_000,
  );
});
