import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method } from '../../lib/config';
import type { Device } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { WHOLE_CHUNKS } from '../../lib/plan/compiled';
import type { Precision } from '../../lib/plan/count';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';
import {
  PARITY_STEPS,
  parityBatch,
  parityConfig,
  parityStart,
  tunedParityModel,
  writeParityModel,
} from './parity-model';
import recorded from './reference.json';

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

/** Ten updates of the small model, beside PyTorch's recorded ones. */
export async function checkParity(
  open: (precision: Precision) => Promise<Device>,
  say: (line: string) => void,
): Promise<readonly ParityResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-check-'));
  const results: ParityResult[] = [];
  try {
    const { base } = await writeParityModel(folder);
    const { losses: torch }: Reference = recorded;
    for (const precision of ['float32', 'bf16'] as const) {
      const device = await open(precision);
      for (const method of ['full', 'lora'] as const) {
        const config = parityConfig(method);
        const model = tunedParityModel(base, method);
        const programs = await compileTraining(model, config, device, WHOLE_CHUNKS);
        const state = await createState(device, trainingState(await parityStart(model), 1));
        const losses: number[] = [];
        for (let step = 0; step < PARITY_STEPS; step++) {
          const { loss } = await updateOnce(programs, config, state, [parityBatch()], step, config.learningRate);
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
