import { compile, type Program, type Step } from '../engine/compile';
import type { Device } from '../engine/device';
import { createState, type DeviceState } from '../engine/state';
import { float32, float32Specs, int32 } from '../engine/tensors';
import * as tf from '../engine/tf';
import { FORBIDDEN } from './llama';
import { readTensor } from './safetensors';
import type { TunedModel } from './tuned';

/** Continues a text token by token, always with the likeliest one. */
export interface Generator {
  /**
   * @param prompt token ids, at least one
   * @param onToken called with each new token; return false to stop
   * @returns the new tokens, the end-of-sequence token not among them
   * @throws when prompt and new tokens do not fit the context
   */
  generate(
    prompt: readonly number[],
    limit: number,
    onToken?: (token: number) => boolean | undefined | Promise<boolean | undefined>,
  ): Promise<number[]>;
  dispose(): Promise<void>;
}

/** Prompt tokens read at once. */
const BLOCK = 32;

/**
 * Greedy generation with a key/value cache of fixed size S = `maxLength`:
 *
 *     cache [1, K, S, D]   k k k k k . . . .      a block of n new keys is put at `position`
 *                                    ^position    and attends to what lies up to itself
 *
 * @param state the model's trained tensors (empty for the untouched base)
 * @param stop ids that end the text (end of sequence)
 */
export async function createGenerator(
  model: TunedModel,
  state: DeviceState,
  device: Device,
  stop: readonly number[],
  maxLength = model.base.config.maxPositionEmbeddings,
): Promise<Generator> {
  const cache = await createState(
    device,
    Object.fromEntries(Object.entries(cacheShapes(model, maxLength)).map(([name, shape]) => [name, float32(shape)])),
  );
  const joined: DeviceState = {
    ...state,
    specs: { ...state.specs, ...cache.specs },
    slots: new Map([...state.slots, ...cache.slots]),
  };
  const block = await compileBlock(model, device, BLOCK, maxLength);
  const single = await compileBlock(model, device, 1, maxLength);
  /** Reads `tokens` at `position`; the likeliest token after the last of them. */
  const read = async (program: Program, size: number, tokens: readonly number[], position: number): Promise<number> => {
    const padded = int32([1, size]);
    padded.data.set(tokens);
    const inputs = {
      tokens: padded,
      position: int32([], Int32Array.of(position)),
      last: int32([1], Int32Array.of(tokens.length - 1)),
    };
    const { next } = await program.run(inputs, joined);
    return next!.data[0]!;
  };
  return {
    generate: async (prompt, limit, onToken) => {
      if (prompt.length === 0)
        throw new Error('generate: the prompt must have a token; give the BOS token for an empty one');
      if (prompt.length + limit > maxLength) {
        throw new Error(
          `generate: ${prompt.length} prompt and ${limit} new tokens do not fit the context of ${maxLength}; shorten one`,
        );
      }
      let next = 0;
      let position = 0;
      // A block may be padded past the prompt: later tokens overwrite what it left in the cache, and none sees it before.
      for (; position < prompt.length; position += BLOCK) {
        const part = prompt.slice(position, position + BLOCK);
        const fits = position + BLOCK <= maxLength;
        if (fits) next = await read(block, BLOCK, part, position);
        else for (const [i, token] of part.entries()) next = await read(single, 1, [token], position + i);
      }
      const produced: number[] = [];
      for (let at = prompt.length; produced.length < limit && !stop.includes(next); at++) {
        produced.push(next);
        if ((await onToken?.(next)) === false || produced.length === limit) break;
        next = await read(single, 1, [next], at);
      }
      return produced;
    },
    dispose: async () => {
      await block.dispose();
      await single.dispose();
      cache.dispose();
    },
  };
}

const keysOf = (layer: number) => `cache.keys.${layer}`;
const valuesOf = (layer: number) => `cache.values.${layer}`;

function cacheShapes(model: TunedModel, maxLength: number): Record<string, readonly number[]> {
  const { numHiddenLayers, numKeyValueHeads, headDim } = model.base.config;
  const shapes: Record<string, readonly number[]> = {};
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    shapes[keysOf(layer)] = [1, numKeyValueHeads, maxLength, headDim];
    shapes[valuesOf(layer)] = [1, numKeyValueHeads, maxLength, headDim];
  }
  return shapes;
}

/** Inputs tokens [1, n], position [], last [1] (index of the last real token); output next [1]. */
function compileBlock(model: TunedModel, device: Device, size: number, maxLength: number): Promise<Program> {
  const { config } = model.base;
  const step: Step = ({ inputs, state, frozen }) => {
    const position = inputs.position!;
    const slots = tf.range(0, maxLength, 1, 'int32'); // [S]
    const offset = slots.sub(position); // [S]: which of the new keys belongs in a slot
    const fresh = tf.logicalAnd(
      tf.greaterEqual(offset, tf.scalar(0, 'int32')),
      tf.less(offset, tf.scalar(size, 'int32')),
    );
    const source = tf.clipByValue(offset, 0, size - 1) as tf.Tensor1D;
    const queries = tf.range(0, size, 1, 'int32').add(position); // [n]
    const visible = tf.lessEqual(slots.reshape([1, maxLength]), queries.reshape([size, 1])); // [n, S]
    const mask = tf.where(visible, tf.scalar(0), tf.fill([size, maxLength], FORBIDDEN)).reshape([1, size, maxLength]);
    const next: Record<string, tf.Tensor> = {};
    const put = (name: string, values: tf.Tensor): tf.Tensor => {
      const placed = tf.gather(values, source, 2); // [1, K, S, D]
      const where = fresh.reshape([1, 1, maxLength, 1]).broadcastTo(placed.shape);
      next[name] = tf.where(where, placed, state[name]!);
      return next[name];
    };
    const { hidden, head } = model.forward(state, frozen, inputs.tokens!, {
      scope: {
        positions: tf.minimum(queries, tf.scalar(maxLength - 1, 'int32')).reshape([1, size]),
        mask,
        remember: (layer, k, v) => [put(keysOf(layer), k), put(valuesOf(layer), v)],
      },
    });
    const logits = tf.matMul(tf.gather(hidden, inputs.last!) as tf.Tensor2D, head as tf.Tensor2D, false, true);
    return { outputs: { next: tf.argMax(logits, -1) }, state: next };
  };
  const integer = (shape: readonly number[]) => ({ shape, dtype: 'int32' }) as const;
  return compile(
    step,
    {
      name: `generate-${size}-${config.vocabSize}`,
      inputs: { tokens: integer([1, size]), position: integer([]), last: integer([1]) },
      state: float32Specs({ ...model.trainedShapes, ...cacheShapes(model, maxLength) }),
      frozen: model.frozen,
      readFrozen: readTensor,
    },
    device,
  );
}
