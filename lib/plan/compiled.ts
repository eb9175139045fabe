import { PAPER_FULL, PAPER_LORA } from '../config';
import { sizeOf } from '../engine/tensors';
import { type CompiledAhead, compileAhead } from '../engine/xla/pjrt/compile-ahead';
import { loadPlugin } from '../engine/xla/pjrt/plugin';
import { findPlugin } from '../engine/xla/plugins/find';
import { stackedSpec, xlaModule } from '../engine/xla/program';
import type { ModelFolder } from '../model/folder';
import { type LlamaConfig, weightShapes } from '../model/llama';
import { tunedModel } from '../model/tuned';
import { trainingSteps } from '../train/programs';
import type { PlanRequest } from './plan';

/**
 * Compiles the training for cards that are not there, with NVIDIA's plug-in: the memory of each as the compiler planned it.
 *
 * @param env where the plug-in is looked for
 * @returns undefined where the plug-in is not installed, or layers are not looped over
 * @throws what the compiler refuses
 */
export async function compilePlan(request: PlanRequest, env = process.env): Promise<CompiledAhead | undefined> {
  const { target, precision, recompute } = request;
  const found = pluginThatCompiles(env);
  if (!found || !recompute) return undefined;
  const { step, spec } = trainingStep(request);
  const options = { loops: true, precision, devices: target.devices };
  const { text } = xlaModule(step, stackedSpec(spec), options);
  return compileAhead(loadPlugin(found.file, found), text, {
    card: target.name,
    count: target.devices,
    ...(found.cudaDataDir ? { cudaDataDir: found.cudaDataDir } : {}),
  });
}

function pluginThatCompiles(env: NodeJS.ProcessEnv) {
  try {
    return findPlugin('xla:cuda', { compileOnly: true, env });
  } catch {
    return undefined;
  }
}

/** One update of the training, of a model whose weights are nowhere. */
function trainingStep({ model, lora, chunkLength, batchADevice, target }: PlanRequest) {
  const method = lora ? 'lora' : 'full';
  const tuned = tunedModel(withoutWeights(model), method, lora);
  const config = {
    ...(lora ? PAPER_LORA : PAPER_FULL),
    batchSize: batchADevice * target.devices,
    maxSeqLen: chunkLength,
    accumulation: 1,
  };
  return trainingSteps(tuned, config, { separate: false, asked: undefined }).fused!;
}

/** A model that lies nowhere, in 16 bits as Llama is published: to count and to compile with. */
export const withoutWeights = (model: LlamaConfig): ModelFolder => ({
  folder: '',
  config: model,
  rawConfig: {},
  weights: Object.fromEntries(
    Object.entries(weightShapes(model)).map(([name, shape]) => [
      name,
      { dtype: 'bfloat16', format: 'BF16', shape, file: '', offset: 0, length: 2 * sizeOf(shape) },
    ]),
  ),
});

/** What a compiled program does between devices, and where its products run. */
export function countOperations({ operations }: CompiledAhead) {
  const count = (of: (opcode: string, target: string) => boolean) =>
    operations.filter(({ opcode, target }) => of(opcode, target)).length;
  return {
    allGathers: count((opcode) => opcode.startsWith('all-gather')),
    reduceScatters: count((opcode) => opcode.startsWith('reduce-scatter')),
    allReduces: count((opcode) => opcode.startsWith('all-reduce')),
    products: count((_, target) => target === '__cublas$lt$matmul'),
  };
}
