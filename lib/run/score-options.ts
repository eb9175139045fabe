import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { DeviceName } from '../engine/device';
import type { BosPolicy } from '../eval/encode-request';
import { TASK_VARIANTS, type TaskVariant } from '../eval/tasks/definition';

export interface ScoreCommand {
  readonly model: string;
  readonly adapter: string | null;
  readonly data: string;
  readonly tasks: readonly string[];
  readonly variant: TaskVariant;
  readonly bos: BosPolicy;
  readonly limit: number | null;
  readonly seed: number;
  readonly out: string;
  readonly device: DeviceName;
  /** An item's id or a task: print its requests, score nothing. */
  readonly showRequests: string | null;
}

export const SCORE_USAGE = `npm run score -- [options]

  --model FOLDER     a Llama in a Hugging Face folder           (default: the bundled base)
  --adapter FOLDER   a PEFT LoRA adapter for that model
  --data FOLDER      items as FOLDER/eval/*.jsonl(.gz)          (default: the bundled miniature)
  --tasks NAMES      tasks, mmlu, usmle or all, by commas       (default: all)
  --variant NAME     ${TASK_VARIANTS.join(' | ')}
                                                                (default: present)
  --bos              the tokenizer's own BOS before each text, as the harness since 0.4.9.2
  --limit N          a sample of N items a task                 --seed N  of the sample (default: 0)
  --out FOLDER       where results go                           (default: results/score)
  --device NAME      cpu | webgpu | cuda | tfjs                 (default: cpu)
  --show-requests X  prints what is asked for an item (its id) or a task, as JSON lines, and ends

Writes FOLDER/MODEL/results_DATE.json and samples_TASK_DATE.jsonl as lm-evaluation-harness does.
The same command carries an interrupted run on.
Research only, not for clinical decisions.`;

/**
 * @param root the workbook's folder
 * @param cwd what relative paths are relative to
 * @throws naming the option that is wrong and what it takes
 */
export function parseScoreOptions(args: readonly string[], root: string, cwd: string): ScoreCommand {
  const values = parse(args);
  const whole = (name: 'limit' | 'seed', least: number): number | null => {
    const value = values[name];
    if (value === undefined) return null;
    const number = Number(value);
    if (value.trim() === '' || !Number.isSafeInteger(number) || number < least) {
      throw refusal(`--${name} must be a whole number of ${least} or more, got "${value}"`);
    }
    return number;
  };
  const variant = (values.variant ?? 'present') as TaskVariant;
  if (!TASK_VARIANTS.includes(variant)) {
    throw refusal(`--variant must be one of ${TASK_VARIANTS.join(', ')}, got "${variant}"`);
  }
  const bundled = resolve(root, 'data', 'miniature');
  return {
    model: values.model ? resolve(cwd, values.model) : resolve(bundled, 'base'),
    adapter: values.adapter ? resolve(cwd, values.adapter) : null,
    data: values.data ? resolve(cwd, values.data) : bundled,
    tasks: (values.tasks ?? 'all').split(',').map((name) => name.trim()),
    variant,
    bos: values.bos ? 'tokenizer' : 'never',
    limit: whole('limit', 1),
    seed: whole('seed', 0) ?? 0,
    out: values.out ? resolve(cwd, values.out) : resolve(root, 'results', 'score'),
    device: (values.device ?? 'cpu') as DeviceName,
    showRequests: values['show-requests'] ?? null,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    model: text,
    adapter: text,
    data: text,
    tasks: text,
    variant: text,
    bos: { type: 'boolean', default: false },
    limit: text,
    seed: text,
    out: text,
    device: text,
    'show-requests': text,
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw refusal((error as Error).message);
  }
}

const refusal = (what: string): Error => new Error(`score: ${what}; see npm run score -- --help`);
