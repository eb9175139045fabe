import { PAPER_FULL, PAPER_LORA, type TrainConfig } from '../config';
import { type CompiledAhead, compileAhead } from '../engine/xla/pjrt/compile-ahead';
import { loadPlugin } from '../engine/xla/pjrt/plugin';
import { type FindSettings, findPlugin } from '../engine/xla/plugins/find';
import { stackedSpec, xlaModule } from '../engine/xla/program';
import type { BatchForm } from '../train/batches';
import { trainingSteps } from '../train/programs';
import { isCpu } from './cards';
import { unreadModel } from './model';
import type { PlanRequest } from './plan';

/**
 * Compiles the training for cards that are not there, with NVIDIA's plug-in: the memory of each as the compiler planned it.
 *
 * @param where the plug-in is looked for
 * @returns undefined where the plug-in is not installed, layers are not looped over, or the card is none of its list
 * @throws what the compiler refuses; when the plug-in that is named is not there or not NVIDIA's
 */
export async function compilePlan(request: PlanRequest, where: FindSettings = {}): Promise<CompiledAhead | undefined> {
  const { target, precision, recompute, attention } = request;
  const { name } = target;
  if (isCpu(name) || name === 'card') return undefined;
  const found = pluginThatCompiles(where);
  if (!found || !recompute) return undefined;
  const { step, spec } = trainingStep(request);
  const options = { loops: true, precision, attention, devices: target.devices };
  const { text } = xlaModule(step, stackedSpec(spec), options);
  return compileAhead(loadPlugin(found.file, found), text, {
    card: name,
    count: target.devices,
    ...(found.cudaDataDir ? { cudaDataDir: found.cudaDataDir } : {}),
  });
}

function pluginThatCompiles(where: FindSettings) {
  try {
    return findPlugin('xla:cuda', { ...where, compileOnly: true });
  } catch (error) {
    if (where.plugin !== undefined) throw error;
    return undefined;
  }
}

/** One update of the training, of a model whose weights are nowhere. */
export function trainingStep(request: PlanRequest) {
  return trainingSteps(unreadModel(request.model, request.lora), updateConfig(request), WHOLE_CHUNKS).fused!;
}

/** Settings of the one update that is compiled: every token is learnt, nothing is accumulated. */
export const updateConfig = ({ lora, chunkLength, batchADevice, target }: PlanRequest): TrainConfig => ({
  ...(lora ? { ...PAPER_LORA, lora } : PAPER_FULL),
  batchSize: batchADevice * target.devices,
  maxSeqLen: chunkLength,
  accumulation: 1,
});
export const WHOLE_CHUNKS: BatchForm = { separate: false, asked: undefined };

/** What a compiled program does between devices, and where its products run. */
export function countOperations({ operations }: CompiledAhead) {
  const count = (of: (opcode: string, target: string) => boolean) =>
    operations.filter(({ opcode, target }) => of(opcode, target)).length;
  return {
    allGathers: count((opcode) => opcode.startsWith('all-gather')),
    reduceScatters: count((opcode) => opcode.startsWith('reduce-scatter')),
    allReduces: count((opcode) => opcode.startsWith('all-reduce')),
    products: count((_, target) => target === '__cublas$lt$matmul'),
    attentions: count((_, target) => target.startsWith('__cudnn$fmha')),
  };
}
