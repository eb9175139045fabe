import { spawn } from 'node:child_process';
import type { Method } from '../../lib/config';
import { updateConfig } from '../../lib/plan/compiled';
import type { Precision } from '../../lib/plan/count';
import { requestOf, SHAPES, type ShapeName } from './shapes';
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

/** Files that give the losses a meaning. */
export interface TorchFiles {
  readonly weights: string;
  readonly tokens: string;
  readonly adapter: string;
}

/** @param files none: random numbers */
export function torchRequest(shape: ShapeName, method: Method, precision: Precision, files?: TorchFiles): object {
  const request = requestOf(shape, method, { title: '', memoryBytes: 0 });
  const { batch, length, model } = SHAPES[shape];
  const { learningRate, beta1, beta2, epsilon, weightDecay, clipNorm } = updateConfig(request);
  const adamw = { learningRate: files ? 3e-4 : learningRate, beta1, beta2, epsilon, weightDecay, clipNorm };
  return { shape: model, method, batch, length, precision, lora: request.lora, adamw, steps: 20, ...files };
}

/**
 * @param python an interpreter; `.venv/bin/python`
 * @returns what it answers, or why it does not
 */
export async function runTorch(
  python: string,
  request: object,
  signal?: AbortSignal,
): Promise<TorchTimes | { readonly refused: string }> {
  return new Promise((resolve) => {
    const child = spawn(python, ['-', JSON.stringify(request)], {
      ...(signal ? { signal } : {}),
      killSignal: 'SIGKILL',
    });
    const [said, complained]: [string[], string[]] = [[], []];
    child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => complained.push(text));
    child.on('error', (error) => resolve({ refused: error.message }));
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said.join('').trim().split('\n').at(-1)!) as TorchTimes);
      else resolve({ refused: complained.join('').trim().split('\n').at(-1) || `${python} ended with ${code}` });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(script);
  });
}
