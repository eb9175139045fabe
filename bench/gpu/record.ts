import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/files';
import { writeSafetensors } from '../../lib/model/safetensors';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { stepConfig, writeWorkload } from '../workload';
import { ADAPTER_STREAM, PARITY_STEPS, type Reference } from './parity';
import { runTorch, torchRequest } from './torch';

/**
 * Records PyTorch's losses on the CPU as reference.json: `npm run gpu-check -- --record bench/gpu/reference.json --python
 * .venv-parity/bin/python`.
 */
export async function recordReference(file: string, python: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-check-'));
  try {
    const { model: base, tokensFile } = await writeWorkload(folder);
    const adapter = join(folder, 'adapter.safetensors');
    const tensors = await tunedModel(base, 'lora', stepConfig('lora').lora).initial(createRandom(...ADAPTER_STREAM));
    await writeSafetensors(adapter, tensors, (name) => tensors[name]!);
    const files = { weights: join(folder, 'model.safetensors'), tokens: tokensFile, adapter };
    let versions: Readonly<Record<string, string>> = {};
    const losses = async (method: 'full' | 'lora', precision: 'float32' | 'bf16') => {
      const request = { ...torchRequest('15m', method, precision, files), device: 'cpu', steps: PARITY_STEPS - 1 };
      const answer = await runTorch(python, request);
      if ('refused' in answer) throw new Error(`gpu-check: ${python} records nothing: ${answer.refused}`);
      versions = answer.versions;
      return answer.losses;
    };
    const of = async (method: 'full' | 'lora') => ({
      float32: await losses(method, 'float32'),
      bf16: await losses(method, 'bf16'),
    });
    const recorded: Reference = { losses: { full: await of('full'), lora: await of('lora') }, versions };
    await writeFileAtomic(file, `${JSON.stringify(recorded, undefined, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
