import { PAPER_FULL, PAPER_LORA } from '../config';
import { openDevice } from '../engine/device';
import { estimateTrainingMemory, type ProcessMemory } from '../train/peak-memory';
import { usableBytes } from './cards';
import { unreadModel } from './model';
import { type Plan, type PlanRequest, planWith, type Remedy } from './plan';

/**
 * A training on this machine's CPU, by the default engine: its memory as `med42 train` estimates it before the first
 * update, from the traced step. Time is not said: no rate is known before an update was made.
 *
 * @throws when the request is for what that engine does not do
 */
export async function planOnCpu(request: PlanRequest): Promise<Plan<ProcessMemory>> {
  const { precision, recompute } = request;
  if (precision !== 'float32' || recompute) {
    throw new Error(
      'plan: on the CPU products are float32 and nothing is computed again; leave out --precision bf16, or name a card',
    );
  }
  const device = await openDevice('cpu');
  const estimate = ({ model, lora, chunkLength, batchADevice, accumulation }: PlanRequest): ProcessMemory => {
    const config = {
      ...(lora ? { ...PAPER_LORA, lora } : PAPER_FULL),
      batchSize: batchADevice,
      maxSeqLen: chunkLength,
      accumulation,
    };
    return estimateTrainingMemory(unreadModel(model, lora), config, device, { separate: false, asked: undefined });
  };
  const memory = estimate(request);
  return planWith(request, memory, () => remedies(request, memory, estimate));
}

function remedies(
  request: PlanRequest,
  { working, total }: ProcessMemory,
  estimate: (request: PlanRequest) => ProcessMemory,
): Remedy[] {
  const { batchADevice, chunkLength, lora, target } = request;
  const most = usableBytes(target);
  const smaller: readonly (readonly [string, Partial<PlanRequest>])[] = [
    ...(batchADevice > 1 ? [['--batch-size 1, and more --accumulation', { batchADevice: 1 }] as const] : []),
    ...[2, 4, 8]
      .map((by) => Math.floor(chunkLength / by))
      .filter((length) => length >= 2)
      .map((length) => [`--max-seq-len ${length}`, { chunkLength: length }] as const),
  ];
  const changes = [
    // What stays whatever the batch is too much by itself: no smaller one is tried, for each is traced anew.
    ...(total - working <= most ? smaller : []),
    ...(lora ? [] : [['--method lora', { lora: PAPER_LORA.lora }] as const]),
  ];
  return changes.flatMap(([change, changed]) => {
    const other = estimate({ ...request, ...changed });
    return other.total <= most ? [{ change, total: other.total }] : [];
  });
}
