import { compile, type Program, type Step } from '../engine/compile';
import type { Device } from '../engine/device';
import { openSizes } from '../engine/open-size';
import type { DeviceState } from '../engine/state';
import { float32, float32Specs, type HostTensors, int32 } from '../engine/tensors';
import * as tf from '../engine/tf';
import { attentionWithPast } from './attention';
import { type Cache, createCache, keysOf, valuesOf } from './cache';
import { nonFiniteWeight, notFinite } from './finite';
import { FORBIDDEN } from './mask';

import { readTensor } from './safetensors';
import { type ChooseToken, likeliest } from './sampling';
import type { TunedModel } from './tuned';

export interface GenerateOptions {
  /** Which token follows, of the scores [V] of all; with nothing given, the likeliest. */
  readonly choose?: ChooseToken;
  /** Called with each new token; return false to stop. */
  readonly onToken?: (token: number) => boolean | undefined | Promise<boolean | undefined>;
}

/** Continues a text token by token. */
export interface Generator {
  /**
   * What the prompt has in common with the text before it is not read again.
   *
   * @param prompt token ids, at least one
   * @param limit new tokens at most
   * @returns the new tokens, the stop token not among them
   * @throws when prompt and new tokens do not fit the context
   */
  generate(prompt: readonly number[], limit: number, options?: GenerateOptions): Promise<number[]>;
  dispose(): Promise<void>;
}

/** Prompt tokens read at once: more of them fill the matrix products no better. */
const BLOCK = 256;

/**
 * Generation with a key/value cache. One program reads T tokens beside S places of the cache, whatever T and S are: a
 * block of the prompt, or one new token. It gives the T tokens' keys and values, which the host puts into the cache
 * in place.
 *
 * @param state the model's trained tensors (empty for the untouched base)
 * @param stop ids that end the text (end of sequence)
 * @throws while it generates, when scores are NaN or infinite: naming the weight that is
 */
export async function createGenerator(
  model: TunedModel,
  state: DeviceState,
  device: Device,
  stop: readonly number[],
  maxLength = model.base.config.maxPositionEmbeddings,
): Promise<Generator> {
  const program = await compileReader(model, device);
  const cache = createCache(model.base.config);
  /** Scores [V] of what follows the last of `tokens`. */
  const read = async (tokens: readonly number[]): Promise<Float32Array> => {
    const inputs = { ...blockInputs(tokens, cache), ...cache.tensors };
    const { logits, ...fresh } = await program.run(inputs, state);
    cache.append(tokens, fresh);
    const scores = logits!.data as Float32Array;
    if (!scores.every(Number.isFinite)) throw new Error(await whyNotFinite(model));
    return scores;
  };
  return {
    generate: async (prompt, limit, { choose = likeliest, onToken } = {}) => {
      if (prompt.length === 0)
        throw new Error('generate: the prompt must have a token; give the BOS token for an empty one');
      if (prompt.length + limit > maxLength) {
        throw new Error(
          `generate: ${prompt.length} prompt and ${limit} new tokens do not fit the context of ${maxLength}; shorten one`,
        );
      }
      const produced: number[] = [];
      if (limit === 0) return produced;
      cache.keepCommon(prompt);
      let scores: Float32Array | undefined;
      for (let at = cache.length; at < prompt.length; at += BLOCK) scores = await read(prompt.slice(at, at + BLOCK));
      for (;;) {
        const next = choose(scores!);
        if (stop.includes(next)) break;
        produced.push(next);
        if ((await onToken?.(next)) === false || produced.length === limit) break;
        scores = await read([next]);
      }
      return produced;
    },
    dispose: () => program.dispose(),
  };
}

async function whyNotFinite({ base, method }: TunedModel): Promise<string> {
  const start = 'generate: the scores of the next token are not finite: ';
  const broken = await nonFiniteWeight(base.weights);
  if (broken !== undefined) return `${start}${base.weights[broken]!.file}: ${notFinite(broken)}`;
  const others = method === 'base' ? '' : ', its trained weights';
  return `${start}numbers of ${base.folder}${others} or its config.json are too large; take the files from one model`;
}

/** What a run is told of its T tokens. */
function blockInputs(tokens: readonly number[], cache: Cache): HostTensors {
  const count = tokens.length;
  const mask = float32([1, count, count]);
  for (let i = 0; i < count; i++) mask.data.fill(FORBIDDEN, i * count + i + 1, (i + 1) * count);
  return {
    tokens: int32([1, count], Int32Array.from(tokens)),
    positions: int32(
      [1, count],
      Int32Array.from(tokens, (_, i) => cache.length + i),
    ),
    last: int32([1], Int32Array.of(count - 1)),
    mask,
    pastMask: cache.mask,
  };
}

/**
 * Inputs tokens and positions [1, T], last [1] (place of the last token), mask [1, T, T], pastMask [S] and the cache;
 * outputs logits [1, V] and the new keys and values [1, K, T, D], named as the cache names them.
 */
function compileReader(model: TunedModel, device: Device): Promise<Program> {
  const { config } = model.base;
  const { numHiddenLayers, numKeyValueHeads: kv, numAttentionHeads: heads, headDim } = config;
  const fixed = Object.values(config).filter((value) => Number.isInteger(value)) as number[];
  const [count, places] = openSizes(2, [...fixed, model.lora?.rank ?? 1]) as [number, number];
  const layers = Array.from({ length: numHiddenLayers }, (_, layer) => [keysOf(layer), valuesOf(layer)]).flat();
  const step: Step = ({ inputs, state, frozen }) => {
    const fresh: Record<string, tf.Tensor> = {};
    const { hidden, head } = model.forward(state, frozen, inputs.tokens!, {
      scope: {
        positions: inputs.positions!,
        mask: inputs.mask!,
        attend: (layer) => (q, k, v, mask) => {
          fresh[keysOf(layer)] = k;
          fresh[valuesOf(layer)] = v;
          const past = { keys: inputs[keysOf(layer)]!, values: inputs[valuesOf(layer)]!, mask: inputs.pastMask! };
          return attentionWithPast(past, q, k, v, mask);
        },
      },
    });
    const last = tf.gather(hidden, inputs.last!) as tf.Tensor2D; // [1, C]
    return { outputs: { logits: tf.matMul(last, head as tf.Tensor2D, false, true), ...fresh } };
  };
  return compile(
    step,
    {
      name: `generate-${numHiddenLayers}-${heads}-${config.vocabSize}`,
      inputs: {
        tokens: { shape: [1, count], dtype: 'int32' },
        positions: { shape: [1, count], dtype: 'int32' },
        last: { shape: [1], dtype: 'int32' },
        ...float32Specs({ mask: [1, count, count], pastMask: [places] }),
        ...float32Specs(Object.fromEntries(layers.map((name) => [name, [1, kv, places, headDim]]))),
      },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
      readFrozen: readTensor,
      open: [count, places],
    },
    device,
  );
}
