import { gradientsOf, isVariable, withGradient } from './gradient';
import type { Tensors } from './program';
import type { TensorSpec } from './tensors';
import * as tf from './tf';
import { runLayerLoop, runLayerLoopGradient, traceLayer } from './trace/loop';

/**
 * Layers of one shape, in a row. Where a runtime loops, their tensors lie stacked, and the layer is traced once:
 *
 *     model.layers.0.mlp.up_proj.weight [F, C]  }
 *     model.layers.1.mlp.up_proj.weight [F, C]  }  ->  model.layers.*.mlp.up_proj.weight [L, F, C]
 */
const LAYER = /\blayers\.(\d+)\./;

/** What a layer's tensor is called in its stack; other names stay. */
export const stackOf = (name: string): string => name.replace(LAYER, 'layers.*.');

export const isStack = (name: string): boolean => name.includes('layers.*.');

/** Those of `names`, by the names under which they are there: a layer's own or its stack's. */
export function heldOf(tensors: Tensors, names: object): Record<string, tf.Tensor> {
  const held: Record<string, tf.Tensor> = {};
  for (const name of Object.keys(names)) {
    const own = Object.hasOwn(tensors, name) ? name : stackOf(name);
    held[own] = tensors[own]!;
  }
  return held;
}

/**
 * Tensors by the name of their stack, each stack's in the order of the layers; one that is of no layer stands alone.
 *
 * @throws naming a stack whose layers differ in shape or type, or of which one is missing
 */
export function stacksOf(specs: Readonly<Record<string, Pick<TensorSpec, 'shape'> & { readonly dtype: string }>>) {
  const stacks = new Map<string, string[]>();
  for (const name of Object.keys(specs)) {
    const stack = stackOf(name);
    const members = stacks.get(stack) ?? [];
    if (stack === name) members.push(name);
    else members[Number(LAYER.exec(name)![1])] = name;
    stacks.set(stack, members);
  }
  const depth = Math.max(0, ...[...stacks].filter(([stack]) => isStack(stack)).map(([, members]) => members.length));
  for (const [stack, members] of stacks) {
    const described = new Set(Array.from(members, (name) => name && `${specs[name]!.dtype} [${specs[name]!.shape}]`));
    if (described.size > 1 || (isStack(stack) && members.length !== depth)) {
      throw new Error(
        `engine: "${stack}" must be there in every one of ${depth} layers, of one shape and type, to be looped over; ` +
          `got ${[...described].map((one) => one ?? 'none').join(', ')} in ${members.length}`,
      );
    }
  }
  return stacks;
}

/** Which layer a body computes. */
export interface Layer {
  /** What stands for its number in names: `3`, or `*` in a loop. */
  readonly label: string;
  /** Its number, where the layers are written out. */
  readonly index?: number;
  /** Its number, in a loop: scalar int32. */
  readonly at?: tf.Tensor;
}

/** x -> x of the next layer; `own` are the layer's tensors under their names with its label. */
export type LayerBody = (x: tf.Tensor, own: Tensors, layer: Layer) => tf.Tensor;

/**
 * Applies the layers `from` up to `to`, one after the other. In a loop only their inputs are kept for the way back, and
 * each layer is computed again there.
 *
 * The body may use tensors from outside that no gradient is taken of: masks, tables.
 *
 * @throws in a loop, when the body uses a tensor from outside that hangs on a trained one: its gradient would be lost
 */
export function overLayers(tensors: Tensors, [from, to]: readonly [number, number], x: tf.Tensor, body: LayerBody) {
  const stacks = Object.keys(tensors).filter(isStack);
  if (from === to) return x;
  if (stacks.length > 0) return loop(tensors, stacks, [from, to], x, body);
  let state = x;
  for (let index = from; index < to; index++) state = body(state, tensors, { label: String(index), index });
  return state;
}

/** As `overLayers`, with each layer written out, whatever the runtime: for bodies that differ from layer to layer. */
export function eachLayer(tensors: Tensors, count: number, x: tf.Tensor, body: LayerBody): tf.Tensor {
  const stacks = Object.keys(tensors).filter(isStack);
  let state = x;
  for (let index = 0; index < count; index++) {
    const own = { ...tensors };
    for (const name of stacks) own[name] = layerOf(tensors[name]!, index);
    state = body(state, own, { label: stacks.length > 0 ? '*' : String(index), index });
  }
  return state;
}

const layerOf = (stack: tf.Tensor, index: number): tf.Tensor => {
  const [, ...shape] = stack.shape;
  return tf.slice(stack, [index, ...shape.map(() => 0)], [1, ...shape]).reshape(shape);
};

function loop(
  tensors: Tensors,
  stacks: readonly string[],
  span: readonly [number, number],
  x: tf.Tensor,
  body: LayerBody,
): tf.Tensor {
  const trained = stacks.filter((name) => isVariable(tensors[name]!));
  const frozen = stacks.filter((name) => !trained.includes(name)).map((name) => tensors[name]!);
  const names = [...trained, ...stacks.filter((name) => !trained.includes(name))];
  const named = (slices: readonly tf.Tensor[]): Tensors =>
    Object.fromEntries(names.map((name, i) => [name, slices[i]!]));
  const layer = (at: tf.Tensor, state: tf.Tensor, slices: readonly tf.Tensor[]): tf.Tensor =>
    body(state, named(slices), { label: '*', at });

  return withGradient([x, ...trained.map((name) => tensors[name]!)], ([input, ...own]) => {
    const all = [...own, ...frozen];
    const forward = traceLayer([input!], all, ([at, state, ...slices]) => [layer(at!, state!, slices)], true);
    const [value, kept] = runLayerLoop(forward, span, input!, all) as [tf.Tensor, tf.Tensor];
    return {
      value,
      saved: [kept, ...own],
      gradient: (dy, [states, ...weights]) => {
        const again = [...weights, ...frozen];
        const backward = traceLayer([input!, dy], again, ([at, state, change, ...slices]) =>
          gradientsOf(
            ([before, ...variables]) => layer(at!, before!, [...variables, ...slices.slice(weights.length)]),
            [state!, ...slices.slice(0, weights.length)],
            change!,
          ),
        );
        return runLayerLoopGradient(backward, span, states!, dy, again, weights.length);
      },
    };
  });
}
