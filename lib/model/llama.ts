import { eachLayer, isStack, type LayerBody, overLayers } from '../engine/layers';
import { recomputes } from '../engine/recompute';
import * as tf from '../engine/tf';
import { attention, causalAttention } from './attention';
import { rmsNorm, swiglu } from './layers';
import { causalMask, type Mask, maskOf } from './mask';
import { type RopeTable, rope, ropeTables } from './rope';
import type { RopeSettings } from './rope-scaling';

/** Llama as Hugging Face lays it out (config.json's names in camelCase). */
export interface LlamaConfig extends RopeSettings {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly maxPositionEmbeddings: number;
  readonly tieWordEmbeddings: boolean;
}

export type Weights = Readonly<Record<string, tf.Tensor>>;

/** y = x W^T for the linear layer `name` ("model.layers.0.self_attn.q_proj"); x [N, in] -> [N, out]. */
export type Linear = (name: string, x: tf.Tensor) => tf.Tensor;

/** The linear layers over a block's own tensors; `at` is its number, in a loop. */
export type LinearOf = (own: Weights, at?: tf.Tensor) => Linear;

export const EMBEDDING = 'model.embed_tokens.weight';
export const HEAD = 'lm_head.weight';
const FINAL_NORM = 'model.norm.weight';

/** The seven linear layers of a block with [out, in]; LoRA adapts each of them. */
export function linearShapes(c: LlamaConfig): Readonly<Record<string, readonly [number, number]>> {
  const q = c.numAttentionHeads * c.headDim;
  const kv = c.numKeyValueHeads * c.headDim;
  return {
    'self_attn.q_proj': [q, c.hiddenSize],
    'self_attn.k_proj': [kv, c.hiddenSize],
    'self_attn.v_proj': [kv, c.hiddenSize],
    'self_attn.o_proj': [c.hiddenSize, q],
    'mlp.gate_proj': [c.intermediateSize, c.hiddenSize],
    'mlp.up_proj': [c.intermediateSize, c.hiddenSize],
    'mlp.down_proj': [c.hiddenSize, c.intermediateSize],
  };
}

/** Every weight of the model with its shape, in Hugging Face's names and order. */
export function weightShapes(c: LlamaConfig): Readonly<Record<string, readonly number[]>> {
  const shapes: Record<string, readonly number[]> = { [EMBEDDING]: [c.vocabSize, c.hiddenSize] };
  for (let layer = 0; layer < c.numHiddenLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const [name, shape] of Object.entries(linearShapes(c))) shapes[`${prefix}.${name}.weight`] = shape;
    shapes[`${prefix}.input_layernorm.weight`] = [c.hiddenSize];
    shapes[`${prefix}.post_attention_layernorm.weight`] = [c.hiddenSize];
  }
  shapes[FINAL_NORM] = [c.hiddenSize];
  if (!c.tieWordEmbeddings) shapes[HEAD] = [c.vocabSize, c.hiddenSize];
  return shapes;
}

/** The output matrix [V, C]: the embedding itself when they are tied. */
export const headWeight = (c: LlamaConfig, weights: Weights): tf.Tensor =>
  weights[c.tieWordEmbeddings ? EMBEDDING : HEAD]!;

/** x W^T for x [N, in], W [out, in] under `name.weight`. */
export const plainLinear =
  (weights: Weights): Linear =>
  (name, x) =>
    tf.matMul(x, weights[`${name}.weight`]!, false, true);

/** What a token may attend to, as each kind of pass needs it. Without more: every earlier token of its row, positions 0..T-1. */
export type AttentionScope = TrainingScope | ScoringScope | GenerationScope;

/** Rows of packed samples. */
export interface TrainingScope {
  /** Samples apart from each other (block-diagonal packing). */
  readonly segments?: {
    /** [B, T]: the first place of its row that each place attends to. */
    readonly from: tf.Tensor;
    /** [B, T] */
    readonly positions: tf.Tensor;
  };
  /** [B, R]: the places of each row that are wanted. The last layer computes no others, and hidden is [B*R, C]. */
  readonly asked?: tf.Tensor;
  /** Layers, in order and not the last, after which `see` is called; `hidden` is what the last norm makes of their states [B*T, C]. */
  readonly watch?: {
    readonly layers: readonly number[];
    readonly see: (layer: number, hidden: () => tf.Tensor) => void;
  };
}

/** Rows with a few places asked about; of a row with branches, each sees its own. */
export interface ScoringScope {
  /** [B, R], as in training. */
  readonly asked: tf.Tensor;
  readonly branches?: {
    /** [1 or B, T, T], added to the scores; it must forbid every later key, which is then not computed. */
    readonly mask: tf.Tensor;
    /** [B, T] */
    readonly positions: tf.Tensor;
  };
}

/** New tokens after those in a cache. */
export interface GenerationScope {
  /** [B, T] */
  readonly positions: tf.Tensor;
  /** [1 or B, T, T], added to the scores of the new tokens among themselves. */
  readonly mask: tf.Tensor;
  /** A layer's attention in place of the model's own: over the cache's keys and values. */
  readonly attend: (layer: number) => typeof attention;
}

/**
 * The model up to its last norm: tokens [B, T] -> hidden states [B*T, C], or of the places asked for alone.
 * Multiply by `headWeight` for logits.
 *
 * @param weights all tensors, an adapter's too; where layers lie stacked, under the names of the stacks
 * @param linearOf how linear layers are computed; LoRA passes its own
 */
export function llamaHidden(
  c: LlamaConfig,
  weights: Weights,
  linearOf: LinearOf,
  tokens: tf.Tensor,
  scope: AttentionScope = {},
): tf.Tensor {
  const [batch, length] = tokens.shape as [number, number];
  const view = viewOf(scope, length);
  const { mask, isCausal, asked } = view;
  const tables = ropeTables(c, length, view.positions);
  const all: Queries = { select: (x) => x, length, table: tables.query, mask };
  const last = c.numHiddenLayers - 1;
  const block: LayerBody = (input, own, layer) => {
    const prefix = `model.layers.${layer.label}`;
    const linear = linearOf(own, layer.at);
    const queries = asked && layer.index === last ? askedQueries(c, view, asked) : all;
    const norm = (name: string, x: tf.Tensor) => rmsNorm(x, own[`${prefix}.${name}.weight`]!, c.rmsNormEps);
    const project: Linear = (name, x) => linear(`${prefix}.self_attn.${name}`, x);
    const attend = view.attend?.(layer.index!) ?? (isCausal && queries === all ? causalAttention : attention);
    const normed = norm('input_layernorm', input);
    const x = queries
      .select(input)
      .add(selfAttention(c, project, normed, [batch, length], queries, tables.key, attend));
    const h = norm('post_attention_layernorm', x);
    const gated = swiglu(linear(`${prefix}.mlp.gate_proj`, h), linear(`${prefix}.mlp.up_proj`, h)); // [B*T, F]
    return x.add(linear(`${prefix}.mlp.down_proj`, gated));
  };
  const finalNorm = (x: tf.Tensor) => rmsNorm(x, weights[FINAL_NORM]!, c.rmsNormEps);

  let x: tf.Tensor = tf.gather(weights[EMBEDDING]!, tokens.reshape([batch * length])); // [B*T, C]
  if (view.attend) return finalNorm(eachLayer(weights, c.numHiddenLayers, x, block));
  let from = 0;
  for (const layer of view.watch?.layers ?? []) {
    x = overLayers(weights, [from, layer + 1], x, block);
    const states = x;
    view.watch!.see(layer, () => finalNorm(states));
    from = layer + 1;
  }
  x = overLayers(weights, [from, last + 1], x, block);
  // A loop computes every layer alike, the last one too.
  return finalNorm(asked && Object.keys(weights).some(isStack) ? tf.gather(x, placesInRows(asked, length)) : x);
}

/** Any scope, as the layers read it. */
interface View {
  readonly mask: Mask;
  /** The mask forbids every later key: these are then not computed. */
  readonly isCausal: boolean;
  /** [B, T]; undefined: 0..T-1 */
  readonly positions: tf.Tensor | undefined;
  readonly asked?: tf.Tensor | undefined;
  readonly watch?: TrainingScope['watch'] | undefined;
  readonly attend?: GenerationScope['attend'];
}

function viewOf(scope: AttentionScope, length: number): View {
  if ('attend' in scope) return { ...scope, mask: maskOf(scope.mask), isCausal: false };
  if ('branches' in scope && scope.branches) {
    const { mask, positions } = scope.branches;
    return { mask: maskOf(mask), positions, asked: scope.asked, isCausal: true };
  }
  const { segments, asked, watch }: TrainingScope = scope;
  const causal = causalMask(length, segments?.from);
  // Written out, all layers share one; a loop would carry it through, so that each block there makes its own.
  const mask = recomputes() ? causal : maskOf(causal.of({ start: 0, count: length, end: length }));
  return { mask, isCausal: true, positions: segments?.positions, asked, watch };
}

/** Who asks in a layer: R of each row's T tokens. */
interface Queries {
  /** [B*T, C] -> [B*R, C] */
  readonly select: (x: tf.Tensor) => tf.Tensor;
  /** R */
  readonly length: number;
  readonly table: RopeTable;
  readonly mask: Mask;
}

function askedQueries(c: LlamaConfig, { mask, positions: given }: View, asked: tf.Tensor): Queries {
  const [batch, count] = asked.shape as [number, number];
  const { length } = mask;
  const all = mask.of({ start: 0, count: length, end: length });
  const places = placesInRows(asked, length);
  const positions = given ? tf.gather(given.reshape([batch * length]), places).reshape([batch, count]) : asked;
  const [among, at] = all.shape[0] === 1 ? [length, asked.reshape([batch * count])] : [batch * length, places];
  return {
    select: (x) => tf.gather(x, places),
    length: count,
    // Places asked for lie in the row: a long context needs no longer table.
    table: ropeTables(c, count, positions, given ? undefined : length).query,
    mask: maskOf(tf.gather(all.reshape([among, length]), at as tf.Tensor1D).reshape([batch, count, length])),
  };
}

/** Places [B, R] of rows of T as places of all rows together, [B*R]. */
export function placesInRows(asked: tf.Tensor, length: number): tf.Tensor1D {
  const [batch, count] = asked.shape as [number, number];
  const rows = tf.range(0, batch, 1, 'int32').mul(tf.scalar(length, 'int32')).reshape([batch, 1]);
  return asked.add(rows).reshape([batch * count]) as tf.Tensor1D;
}

/** x [B*T, C] -> [B*R, C]. Query head h reads key/value head floor(h / G), G = H / K query heads a group. */
function selfAttention(
  c: LlamaConfig,
  project: Linear,
  x: tf.Tensor,
  [batch, length]: readonly [number, number],
  queries: Queries,
  keyTable: RopeTable,
  attend: typeof attention,
): tf.Tensor {
  const { numAttentionHeads: heads, numKeyValueHeads: kv, headDim } = c;
  const groups = heads / kv;
  const count = queries.length;
  // [B*n, H*D] -> [B, n, K, G, D] -> [B, K, G, n, D]
  const split = (name: string, input: tf.Tensor, n: number, g: number) =>
    project(name, input).reshape([batch, n, kv, g, headDim]).transpose([0, 2, 3, 1, 4]);
  const q = rope(split('q_proj', queries.select(x), count, groups), queries.table);
  const k = rope(split('k_proj', x, length, 1), keyTable).reshape([batch, kv, length, headDim]);
  const v = split('v_proj', x, length, 1).reshape([batch, kv, length, headDim]);
  // A group's query heads share their keys: fold them into the rows, [B, K, G*R, D].
  const out = attend(q.reshape([batch, kv, groups * count, headDim]), k, v, queries.mask);
  const merged = out.reshape([batch, kv, groups, count, headDim]).transpose([0, 3, 1, 2, 4]);
  return project('o_proj', merged.reshape([batch * count, heads * headDim]));
}
