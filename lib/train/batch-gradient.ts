import { type ChunkTensors, countLoss } from '../data/packing/chunks';
import { compile } from '../engine/compile';
import type { Device } from '../engine/device';
import { createState } from '../engine/state';
import { float32Specs, type HostTensors } from '../engine/tensors';
import { readTensor } from '../model/safetensors';
import type { TunedModel } from '../model/tuned';
import { createRandom } from '../random';
import { lossAndGradients, RESPONSE_LOSS } from './batch-loss';
import { batchTensors } from './batches';
import { batchSpecs } from './programs';

/** A batch's loss and gradient as SUMS over its response tokens: sums of parts add up to the sum of the whole. */
export interface BatchGradient {
  readonly lossSum: number;
  readonly responseTokens: number;
  /** Of each trained tensor. */
  readonly gradient: HostTensors;
}

export interface GradientProbe {
  /** @param chunks as many as the probe was opened for, or fewer */
  of(chunks: readonly ChunkTensors[]): Promise<BatchGradient>;
  close(): Promise<void>;
}

export interface ProbeOptions {
  readonly batchSize: number;
  readonly length: number;
  readonly separate?: boolean;
  readonly seed?: number;
}

/**
 * Takes gradients of `model` as it is before training, to look at, not to train with.
 *
 * @param batchSize most chunks of a batch
 * @param length T, tokens of a chunk
 * @param separate chunks carry segments and positions (block-diagonal packing)
 */
export async function openGradientProbe(
  model: TunedModel,
  { batchSize, length, separate = false, seed = 1 }: ProbeOptions,
  device: Device,
): Promise<GradientProbe> {
  const program = await compile(
    ({ inputs, state, frozen }) => {
      const { value, gradients } = lossAndGradients(model, inputs, { ...state }, frozen, RESPONSE_LOSS);
      return { outputs: { lossSum: value, ...gradients } };
    },
    {
      name: `gradient-${model.method}`,
      inputs: batchSpecs(batchSize, length, { separate }),
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
      readFrozen: readTensor,
    },
    device,
  );
  const state = await createState(device, model.initial(createRandom(seed, 'adapter')));
  return {
    of: async (chunks) => {
      if (chunks.length === 0 || chunks.length > batchSize) {
        throw new Error(
          `gradient: a batch must have 1 to ${batchSize} chunks, got ${chunks.length}; open a larger probe`,
        );
      }
      const { lossSum, ...gradient } = await program.run(batchTensors(chunks, batchSize, { separate }), state);
      const responseTokens = chunks.reduce((sum, chunk) => sum + countLoss(chunk), 0);
      return { lossSum: lossSum!.data[0]!, responseTokens, gradient };
    },
    close: async () => {
      state.dispose();
      await program.dispose();
    },
  };
}

/** The sum of weight x gradient over batches: weight 1 / all tokens of all batches is what one large batch gives. */
export function combineGradients(
  parts: readonly { readonly gradient: HostTensors; readonly weight: number }[],
): HostTensors {
  return Object.fromEntries(
    Object.entries(parts[0]?.gradient ?? {}).map(([name, tensor]) => {
      const data = new Float32Array(tensor.data.length);
      for (const { gradient, weight } of parts) {
        const values = gradient[name]!.data;
        for (let i = 0; i < data.length; i++) data[i]! += weight * values[i]!;
      }
      return [name, { ...tensor, data }];
    }),
  );
}

/** The sum of products of two gradients' numbers. */
function dot(a: HostTensors, b: HostTensors): number {
  let sum = 0;
  for (const [name, { data }] of Object.entries(a)) {
    const other = b[name]!.data;
    for (let i = 0; i < data.length; i++) sum += data[i]! * other[i]!;
  }
  return sum;
}

export const gradientNorm = (gradient: HostTensors): number => Math.sqrt(dot(gradient, gradient));

/** How far two gradients point the same way: 1 the same, 0 at right angles, -1 opposite. */
export const gradientCosine = (a: HostTensors, b: HostTensors): number =>
  dot(a, b) / (gradientNorm(a) * gradientNorm(b));

/** The length of the difference, as a share of the second's length. */
export const gradientDifference = (a: HostTensors, b: HostTensors): number =>
  gradientNorm(
    combineGradients([
      { gradient: a, weight: 1 },
      { gradient: b, weight: -1 },
    ]),
  ) / gradientNorm(b);
