import { operand, operands } from '../trace/graph';
import { axisOf, rangeOf, sliceOf } from '../trace/signatures';
import { i64Array } from './hlo-text';
import { type Lowering, type Lowerings, reshape } from './kernels';
import type { Module, Value } from './module';

/** Kernels that move, repeat or pick values without arithmetic of their own. */

export const transpose = (m: Module, x: Value, perm: readonly number[]): Value => {
  if (perm.every((p, i) => p === i)) return x;
  const shape = perm.map((p) => x.shape[p]!);
  return m.op('transpose', [x], x.type, shape, { attributes: `permutation = ${i64Array(perm)}` });
};

const slice = (m: Module, x: Value, begin: readonly number[], size: readonly number[]): Value => {
  if (String(size) === String(x.shape)) return x;
  const ones = x.shape.map(() => 1);
  const limits = begin.map((b, i) => b + size[i]!);
  const attributes = `limit_indices = ${i64Array(limits)}, start_indices = ${i64Array(begin)}, strides = ${i64Array(ones)}`;
  return m.op('slice', [x], x.type, size, { attributes });
};

const concatenate = (m: Module, values: readonly Value[], axis: number, shape: readonly number[]): Value =>
  m.op('concatenate', values, values[0]!.type, shape, { attributes: `dimension = ${axis} : i64` });

/** @param low may be below 0: as many are cut */
export function pad(m: Module, x: Value, value: number, low: readonly number[], high: readonly number[]): Value {
  const inside = i64Array(x.shape.map(() => 0));
  const attributes = `edge_padding_high = ${i64Array(high)}, edge_padding_low = ${i64Array(low)}, interior_padding = ${inside}`;
  const shape = x.shape.map((d, i) => d + low[i]! + high[i]!);
  return m.op('pad', [x, m.splat(value, x.type, [])], x.type, shape, { attributes });
}

const fill =
  (value: number): Lowering =>
  (call) =>
    call.graph.splat(value, call.outputs[0]!.dtype, call.outputs[0]!.shape);

export const SHAPES: Lowerings = {
  Reshape: (call) => reshape(call.graph, operand(call, 'x'), call.outputs[0]!.shape),
  ExpandDims: (call) => reshape(call.graph, operand(call, 'input'), call.outputs[0]!.shape),
  Transpose: (call) => transpose(call.graph, operand(call, 'x'), call.attrs.perm as number[]),
  Concat: (call) => {
    const { shape } = call.outputs[0]!;
    return concatenate(call.graph, operands(call), axisOf(call.attrs.axis as number, shape.length), shape);
  },
  Pack: (call) => {
    const { shape } = call.outputs[0]!;
    const axis = axisOf(call.attrs.axis as number, shape.length);
    const row = shape.map((d, i) => (i === axis ? 1 : d));
    const rows = operands(call).map((v) => reshape(call.graph, v, row));
    return concatenate(call.graph, rows, axis, shape);
  },
  Slice: (call) => {
    const x = operand(call, 'x');
    const { begin, size } = sliceOf(call.attrs, x.shape);
    return slice(call.graph, x, begin, size);
  },
  SplitV: (call) => {
    const x = operand(call, 'x');
    const axis = axisOf(call.attrs.axis as number, x.shape.length);
    let at = 0;
    return call.outputs.map(({ shape }) => {
      const begin = shape.map((_, i) => (i === axis ? at : 0));
      at += shape[axis]!;
      return slice(call.graph, x, begin, shape);
    });
  },
  Tile: (call) => {
    const x = operand(call, 'x');
    const reps = call.attrs.reps as number[];
    const wide = x.shape.flatMap((d, i) => [reps[i]!, d]);
    const places = x.shape.map((_, i) => 2 * i + 1);
    const attributes = `broadcast_dimensions = ${i64Array(places)}`;
    return reshape(
      call.graph,
      call.graph.op('broadcast_in_dim', [x], x.type, wide, { attributes }),
      call.outputs[0]!.shape,
    );
  },
  PadV2: (call) => {
    const { paddings, constantValue } = call.attrs as { paddings: [number, number][]; constantValue?: number };
    const [low, high] = [paddings.map((p) => p[0]), paddings.map((p) => p[1])];
    return pad(call.graph, operand(call, 'x'), constantValue ?? 0, low, high);
  },
  Fill: (call) => fill(call.attrs.value as number)(call),
  ZerosLike: fill(0),
  OnesLike: fill(1),
  Range: (call) => call.graph.constant(rangeOf(call.attrs), call.outputs[0]!.dtype, call.outputs[0]!.shape),
};
