import { operand, operands } from '../trace/graph';
import { axisOf, rangeOf, reducedAxes, sliceOf } from '../trace/signatures';
import type { Value } from './builder';
import { filled, type KernelCall, type Lowering, type Lowerings, node, reshape } from './kernels';

/** Kernels that move, repeat, pick or sum values without arithmetic of their own. */

const int64 = (call: KernelCall, values: readonly number[]) => call.graph.constant(values, 'int64', [values.length]);

const reduction =
  (op: string): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    const axes = reducedAxes(call.attrs, x.shape.length);
    if (axes.length === 0) return x;
    const attributes = { keepdims: call.attrs.keepDims ? 1 : 0 };
    const square = call.graph.producerOf(x);
    const [factor, same] = square?.operands ?? [];
    if (op === 'ReduceSum' && square?.op === 'Mul' && factor && factor.name === same?.name) {
      return node(call, 'ReduceSumSquare', [{ ...factor, shape: x.shape }, int64(call, axes)], attributes);
    }
    return node(call, op, [x, int64(call, axes)], attributes);
  };

/** ArgMax answers int64; tfjs wants int32. */
const argExtreme =
  (op: string): Lowering =>
  (call) => {
    const { shape } = call.outputs[0]!;
    const attributes = { axis: call.attrs.axis as number, keepdims: 0 };
    return node(call, 'Cast', [call.graph.node(op, [operand(call, 'x')], 'int64', shape, { attributes })], { to: 6 });
  };

export const transpose = (call: KernelCall, x: Value, perm: readonly number[]): Value => {
  if (perm.every((p, i) => p === i)) return x;
  const shape = perm.map((p) => x.shape[p]!);
  return call.graph.node('Transpose', [x], x.type, shape, { attributes: { perm } });
};

const fill =
  (value: number): Lowering =>
  (call) =>
    filled(call.graph, value, call.outputs[0]!.dtype, call.outputs[0]!.shape);

export const SHAPES: Lowerings = {
  Reshape: (call) => reshape(call, operand(call, 'x'), call.outputs[0]!.shape),
  ExpandDims: (call) => reshape(call, operand(call, 'input'), call.outputs[0]!.shape),
  Transpose: (call) => transpose(call, operand(call, 'x'), call.attrs.perm as number[]),
  Concat: (call) => {
    const axis = axisOf(call.attrs.axis as number, call.outputs[0]!.shape.length);
    return node(call, 'Concat', operands(call), { axis });
  },
  Pack: (call) => {
    const { shape } = call.outputs[0]!;
    const axis = axisOf(call.attrs.axis as number, shape.length);
    const row = shape.map((d, i) => (i === axis ? 1 : d));
    return node(
      call,
      'Concat',
      operands(call).map((v) => reshape(call, v, row)),
      { axis },
    );
  },
  Slice: (call) => {
    const x = operand(call, 'x');
    const { begin, size } = sliceOf(call.attrs, x.shape);
    const changed = x.shape.map((_, i) => i).filter((i) => begin[i] !== 0 || size[i] !== x.shape[i]);
    if (changed.length === 0) return x;
    const ends = changed.map((i) => begin[i]! + size[i]!);
    const starts = changed.map((i) => begin[i]!);
    return node(call, 'Slice', [x, int64(call, starts), int64(call, ends), int64(call, changed)]);
  },
  SplitV: (call) => {
    const x = operand(call, 'x');
    const axis = axisOf(call.attrs.axis as number, x.shape.length);
    const sizes = call.outputs.map(({ shape }) => shape[axis]!);
    const outputs = call.outputs.map(({ shape }) => ({ type: x.type, shape }));
    return call.graph.nodes('Split', [x, int64(call, sizes)], outputs, { attributes: { axis } });
  },
  Tile: (call) => node(call, 'Tile', [operand(call, 'x'), int64(call, call.attrs.reps as number[])]),
  PadV2: (call) => {
    const x = operand(call, 'x');
    const { paddings, constantValue } = call.attrs as { paddings: [number, number][]; constantValue: number };
    const pads = [...paddings.map((p) => p[0]), ...paddings.map((p) => p[1])];
    return node(call, 'Pad', [x, int64(call, pads), call.graph.constant([constantValue ?? 0], x.type, [])]);
  },
  Fill: (call) => fill(call.attrs.value as number)(call),
  ZerosLike: fill(0),
  OnesLike: fill(1),
  Range: (call) => {
    const values = rangeOf(call.attrs);
    return call.graph.constant(values, call.outputs[0]!.dtype, [values.length]);
  },
  Sum: reduction('ReduceSum'),
  Mean: reduction('ReduceMean'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  ArgMax: argExtreme('ArgMax'),
  ArgMin: argExtreme('ArgMin'),
  Cumsum: (call) => {
    const { axis, exclusive, reverse } = call.attrs as { axis: number; exclusive: boolean; reverse: boolean };
    const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
    return node(call, 'CumSum', [operand(call, 'x'), call.graph.constant([axis], 'int64', [])], attributes);
  },
};
