import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method } from '../../lib/config';
import type { Device } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { tunedModel } from '../../lib/model/tuned';
import { WHOLE_CHUNKS } from '../../lib/plan/compiled';
import type { Precision } from '../../lib/plan/count';
import { createRandom } from '../../lib/random';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';
import { stepConfig, workloadBatch, writeWorkload } from '../workload';
import recorded from './reference.json';

export const PARITY_STEPS = 10;
/** The adapter's seed: the recorded losses are of its numbers. */
export const ADAPTER_STREAM = [1, 'gpu-check adapter'] as const;

/** Losses of ten updates by PyTorch, as torch_steps.py recorded them. */
export interface Reference {
  readonly versions: Readonly<Record<string, string>>;
  readonly losses: Readonly<Record<Method, Readonly<Record<Precision, readonly number[]>>>>;
}

export interface ParityResult {
  readonly method: Method;
  readonly precision: Precision;
  readonly losses: readonly number[];
  /** The largest difference from PyTorch's float32 losses. */
  readonly difference: number;
  /** float32: 1e-4. bf16: twice what PyTorch's own autocast differs, for both round at other places. */
  readonly allowed: number;
  readonly passes: boolean;
}

/** Ten updates of the 15.2M-parameter model of the bench, beside PyTorch's recorded ones. */
export async function checkParity(
  open: (precision: Precision) => Promise<Device>,
  say: (line: string) => void,
): Promise<readonly ParityResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-check-'));
  const results: ParityResult[] = [];
  try {
    const { model: base } = await writeWorkload(folder);
    const { losses: torch }: Reference = recorded;
    for (const precision of ['float32', 'bf16'] as const) {
      const device = await open(precision);
      for (const method of ['full', 'lora'] as const) {
        const config = stepConfig(method);
        const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
        const programs = await compileTraining(model, config, device, WHOLE_CHUNKS);
        const initial = await model.initial(createRandom(...ADAPTER_STREAM));
        const state = await createState(device, trainingState(initial, 1));
        const losses: number[] = [];
        for (let step = 0; step < PARITY_STEPS; step++) {
          const { loss } = await updateOnce(programs, config, state, [workloadBatch()], step, config.learningRate);
          losses.push(loss);
        }
        state.dispose();
        await programs.dispose();
        const exact = torch[method].float32;
        const difference = farthest(losses, exact);
        const allowed = precision === 'float32' ? 1e-4 : 2 * farthest(torch[method].bf16, exact);
        results.push({ method, precision, losses, difference, allowed, passes: difference <= allowed });
        say(`parity, ${method}, ${precision}: ${difference.toExponential(1)} of ${allowed.toExponential(1)} allowed`);
      }
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const farthest = (losses: readonly number[], others: readonly number[]): number =>
  Math.max(...losses.map((loss, i) => Math.abs(loss - others[i]!)));
