import { spawn } from 'node:child_process';
import type { Method, TrainConfig } from '../../lib/config';
import type { LlamaConfig } from '../../lib/model/llama';
import type { Precision } from '../../lib/plan/count';
import script from './torch_steps.py';

/** What torch_steps.py answers. */
export interface TorchTimes {
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  readonly peakBytes: number | null;
  /** Layers were computed again, for memory was too small without. */
  readonly recomputes: boolean;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What is asked of it. */
export interface TorchRequest {
  readonly shape: LlamaConfig;
  readonly method: Method;
  readonly batch: number;
  readonly length: number;
  readonly precision: Precision;
  readonly device: 'cuda' | 'cpu';
  readonly config: TrainConfig;
  /** Updates after the first, at most. */
  readonly steps: number;
  /** Where the losses are to have a meaning: weights, tokens and adapter. */
  readonly files?: { readonly weights: string; readonly tokens: string; readonly adapter: string };
}

/**
 * @param python an interpreter; `.venv/bin/python`
 * @returns what it answers to each request, or why it does not
 */
export async function runTorch(
  python: string,
  requests: readonly TorchRequest[],
  signal?: AbortSignal,
): Promise<readonly TorchTimes[] | { readonly refused: string }> {
  const asked = requests.map(({ files, config, ...rest }) => ({ ...rest, ...files, lora: config.lora, adamw: config }));
  return new Promise((resolve) => {
    const child = spawn(python, ['-', JSON.stringify(asked)], { ...(signal ? { signal } : {}), killSignal: 'SIGKILL' });
    const [said, complained]: [string[], string[]] = [[], []];
    child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => complained.push(text));
    child.on('error', (error) => resolve({ refused: error.message }));
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said.join('').trim().split('\n').at(-1)!) as TorchTimes[]);
      else
        resolve({
          refused: complained.join('').trim().split('\n').at(-1)?.slice(0, 400) || `${python} ended with ${code}`,
        });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(script);
  });
}
