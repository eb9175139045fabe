import { groupResults } from '../../lib/eval/groups';
import type { TaskResult } from '../../lib/eval/score';
import { TASK_NAMES, type TaskName } from '../../lib/eval/task-definition';
import { createRandom } from '../../lib/random';
import type { Scores } from '../../lib/report/compared';
import { paperRow, TABLE_A2 } from '../../lib/report/paper';
import { proportion } from '../../lib/statistics/proportion';
import type { StepRecord } from '../../lib/train/log';

/** Results as scoring writes them, with made-up counts. */
export function taskResult(task: TaskName, correct: number, n: number, choices = 4): TaskResult {
  return {
    task,
    variant: 'present',
    version: '1.0',
    bos: 'never',
    n,
    available: n,
    seed: null,
    acc: proportion(correct, n),
    accNorm: null,
    ties: 0,
    tiesNorm: 0,
    chance: 1 / choices,
    majority: { answer: 0, share: 0.3 },
    requests: n * choices,
    requestHash: task.padEnd(64, '0'),
    truncatedItems: Math.floor(n / 50),
    truncatedTokens: 7,
    truncatedTokensMax: 5,
    seams: 0,
  };
}

/** All twelve tasks at the paper's sizes; base near chance, LoRA and full above it. */
export function sampleScores(tasks: readonly TaskName[] = TASK_NAMES): Scores {
  const random = createRandom(7);
  const of = (level: number) => {
    const results = tasks.map((task) => {
      const n = paperRow(TABLE_A2, task)!.samples;
      const share = level + 0.06 * random.normal() + (task === 'pubmedqa' ? 0.1 : 0);
      return taskResult(task, Math.round(n * share), n, task === 'pubmedqa' ? 3 : 4);
    });
    return { tasks: results, groups: groupResults(results) };
  };
  return { base: of(0.27), lora: of(0.44), full: of(0.5) };
}

/** A log that falls from `from` to `to` with noise, a held-out look each `every` updates. */
export function sampleLog(updates: number, from: number, to: number, every: number, seed: number): StepRecord[] {
  const random = createRandom(seed);
  const records: StepRecord[] = [];
  for (let step = 0; step <= updates; step++) {
    const loss = to + (from - to) * Math.exp((-5 * step) / updates);
    const common = { step, epoch: Math.floor((3 * step) / (updates + 1)) };
    if (step > 0) records.push({ ...common, loss: loss * (1 + 0.08 * random.normal()), seconds: 0.8 });
    if (step % every === 0) records.push({ ...common, heldOutLoss: loss * 1.04 });
  }
  return records;
}

export const SUBJECT = {
  model: 'Llama layout, 15.2M parameters',
  data: 'miniature mixture, 3,000 rows',
  device: 'cpu',
};
