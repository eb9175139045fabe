import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Method } from '../../lib/config';
import { writeFileAtomic } from '../../lib/files';
import { writeSafetensors } from '../../lib/model/safetensors';
import type { Precision } from '../../lib/plan/count';
import type { Reference } from './parity';
import { PARITY_STEPS, parityConfig, parityStart, tunedParityModel, writeParityModel } from './parity-model';
import { runTorch, type TorchRequest } from './torch';

/**
 * Records PyTorch's losses on the CPU as reference.json: `npm run gpu-check -- --record bench/gpu/reference.json --python
 * .venv-parity/bin/python`.
 */
export async function recordReference(file: string, python: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-check-'));
  try {
    const { base, tokensFile } = await writeParityModel(folder);
    const adapter = join(folder, 'adapter.safetensors');
    const tensors = await parityStart(tunedParityModel(base, 'lora'));
    await writeSafetensors(adapter, tensors, (name) => tensors[name]!);
    const request = (method: Method, precision: Precision): TorchRequest => {
      const config = parityConfig(method);
      return {
        shape: base.config,
        method,
        precision,
        config,
        batch: config.batchSize,
        length: config.maxSeqLen,
        device: 'cpu',
        steps: PARITY_STEPS - 1,
        files: { weights: join(folder, 'model.safetensors'), tokens: tokensFile, adapter },
      };
    };
    const answers = await runTorch(python, [
      request('full', 'float32'),
      request('full', 'bf16'),
      request('lora', 'float32'),
      request('lora', 'bf16'),
    ]);
    if ('refused' in answers) throw new Error(`gpu-check: ${python} records nothing: ${answers.refused}`);
    const [full, fullShort, lora, loraShort] = answers.map(({ losses }) => losses) as [
      number[],
      number[],
      number[],
      number[],
    ];
    const losses = { full: { float32: full, bf16: fullShort }, lora: { float32: lora, bf16: loraShort } };
    const recorded: Reference = { versions: answers[0]!.versions, losses };
    await writeFileAtomic(file, `${JSON.stringify(recorded, undefined, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
