import type { Value } from './graph';
import { operand, operands, reshape } from './kernels';
import { filled, type KernelCall, type Lowering, onnxType, registerLowering } from './trace';

/** Kernels that move, repeat, pick or sum values without arithmetic of their own. */

const int64 = (call: KernelCall, values: readonly number[]) => call.graph.constant(values, 'int64', [values.length]);

const reduction =
  (op: string): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    const { axis, reductionIndices, keepDims } = call.attrs as {
      axis?: number | number[];
      reductionIndices?: number | number[];
      keepDims?: boolean;
    };
    const given = axis ?? reductionIndices;
    const axes = (given === undefined || given === null ? x.shape.map((_, i) => i) : [given].flat()).map((a) =>
      a < 0 ? a + x.shape.length : a,
    );
    const shape = keepDims
      ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d))
      : x.shape.filter((_, i) => !axes.includes(i));
    if (axes.length === 0) return x;
    const attributes = { keepdims: keepDims ? 1 : 0 };
    const square = call.graph.producerOf(x);
    const [factor, same] = square?.operands ?? [];
    if (op === 'ReduceSum' && square?.op === 'Mul' && factor && factor.name === same?.name) {
      return call.graph.node('ReduceSumSquare', [{ ...factor, shape: x.shape }, int64(call, axes)], x.type, shape, {
        attributes,
      });
    }
    return call.graph.node(op, [x, int64(call, axes)], x.type, shape, { attributes });
  };

/** ArgMax answers int64; tfjs wants int32. */
const argExtreme =
  (op: string): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    const axis = call.attrs.axis as number;
    const shape = x.shape.filter((_, i) => i !== (axis < 0 ? axis + x.shape.length : axis));
    const index = call.graph.node(op, [x], 'int64', shape, { attributes: { axis, keepdims: 0 } });
    return call.graph.node('Cast', [index], 'int32', shape, { attributes: { to: 6 } });
  };

export const transpose = (call: KernelCall, x: Value, perm: readonly number[]): Value => {
  if (perm.every((p, i) => p === i)) return x;
  const shape = perm.map((p) => x.shape[p]!);
  return call.graph.node('Transpose', [x], x.type, shape, { attributes: { perm } });
};

export function registerShapes(): void {
  registerLowering('Reshape', (call) => {
    const x = operand(call, 'x');
    const shape = call.attrs.shape as number[];
    const known = shape.filter((d) => d >= 0).reduce((a, b) => a * b, 1);
    const size = x.shape.reduce((a, b) => a * b, 1);
    return reshape(
      call,
      x,
      shape.map((d) => (d < 0 ? size / known : d)),
    );
  });
  registerLowering('ExpandDims', (call) => {
    const x = operand(call, 'input');
    const dim = call.attrs.dim as number;
    const at = dim < 0 ? dim + x.shape.length + 1 : dim;
    return reshape(call, x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
  });
  registerLowering('Transpose', (call) => transpose(call, operand(call, 'x'), call.attrs.perm as number[]));
  registerLowering('Concat', (call) => {
    const values = operands(call);
    const axis = call.attrs.axis as number;
    const at = axis < 0 ? axis + values[0]!.shape.length : axis;
    const shape = values[0]!.shape.map((d, i) => (i === at ? values.reduce((sum, v) => sum + v.shape[i]!, 0) : d));
    return call.graph.node('Concat', values, values[0]!.type, shape, { attributes: { axis: at } });
  });
  registerLowering('Pack', (call) => {
    const values = operands(call);
    const given = call.attrs.axis as number;
    const axis = given < 0 ? given + values[0]!.shape.length + 1 : given;
    const expanded = (shape: readonly number[], d: number) => [...shape.slice(0, axis), d, ...shape.slice(axis)];
    const rows = values.map((v) => reshape(call, v, expanded(v.shape, 1)));
    return call.graph.node('Concat', rows, values[0]!.type, expanded(values[0]!.shape, values.length), {
      attributes: { axis },
    });
  });
  registerLowering('Slice', (call) => {
    const x = operand(call, 'x');
    const { begin, size } = call.attrs as { begin: number[]; size: number[] };
    const start = x.shape.map((_, i) => [begin].flat()[i] ?? 0);
    const shape = x.shape.map((d, i) => {
      const s = [size].flat()[i];
      return s === undefined || s === -1 ? d - start[i]! : s;
    });
    const changed = x.shape.map((_, i) => i).filter((i) => start[i] !== 0 || shape[i] !== x.shape[i]);
    if (changed.length === 0) return x;
    const ends = changed.map((i) => start[i]! + shape[i]!);
    const starts = changed.map((i) => start[i]!);
    return call.graph.node('Slice', [x, int64(call, starts), int64(call, ends), int64(call, changed)], x.type, shape);
  });
  registerLowering('SplitV', (call) => {
    const x = operand(call, 'x');
    const { numOrSizeSplits, axis } = call.attrs as { numOrSizeSplits: number | number[]; axis: number };
    const at = axis < 0 ? axis + x.shape.length : axis;
    const given = Array.isArray(numOrSizeSplits)
      ? numOrSizeSplits
      : Array.from({ length: numOrSizeSplits }, () => x.shape[at]! / numOrSizeSplits);
    // One size may be -1: what the others leave.
    const rest = x.shape[at]! - given.reduce((sum, s) => sum + Math.max(s, 0), 0);
    const sizes = given.map((s) => (s < 0 ? rest : s));
    const outputs = sizes.map((s) => ({ type: x.type, shape: x.shape.map((d, i) => (i === at ? s : d)) }));
    return call.graph.nodes('Split', [x, int64(call, sizes)], outputs, { attributes: { axis: at } });
  });
  registerLowering('Tile', (call) => {
    const x = operand(call, 'x');
    const reps = call.attrs.reps as number[];
    return call.graph.node(
      'Tile',
      [x, int64(call, reps)],
      x.type,
      x.shape.map((d, i) => d * reps[i]!),
    );
  });
  registerLowering('PadV2', (call) => {
    const x = operand(call, 'x');
    const { paddings, constantValue } = call.attrs as { paddings: [number, number][]; constantValue: number };
    const pads = [...paddings.map((p) => p[0]), ...paddings.map((p) => p[1])];
    return call.graph.node(
      'Pad',
      [x, int64(call, pads), call.graph.constant([constantValue ?? 0], x.type, [])],
      x.type,
      x.shape.map((d, i) => d + paddings[i]![0] + paddings[i]![1]),
    );
  });
  registerLowering('Fill', (call) => {
    const { shape, value, dtype } = call.attrs as { shape: number[]; value: number; dtype?: 'float32' | 'int32' };
    return filled(call.graph, value, onnxType(dtype ?? 'float32'), shape);
  });
  registerLowering('ZerosLike', (call) => filled(call.graph, 0, operand(call, 'x').type, operand(call, 'x').shape));
  registerLowering('OnesLike', (call) => filled(call.graph, 1, operand(call, 'x').type, operand(call, 'x').shape));
  registerLowering('Range', (call) => {
    const { start, stop, step, dtype } = call.attrs as { start: number; stop: number; step: number; dtype: 'int32' };
    const values: number[] = [];
    for (let v = start; step > 0 ? v < stop : v > stop; v += step) values.push(v);
    return call.graph.constant(values, onnxType(dtype), [values.length]);
  });
  registerLowering('Sum', reduction('ReduceSum'));
  registerLowering('Mean', reduction('ReduceMean'));
  registerLowering('Max', reduction('ReduceMax'));
  registerLowering('Min', reduction('ReduceMin'));
  registerLowering('Prod', reduction('ReduceProd'));
  registerLowering('ArgMax', argExtreme('ArgMax'));
  registerLowering('ArgMin', argExtreme('ArgMin'));
  registerLowering('Cumsum', (call) => {
    const x = operand(call, 'x');
    const { axis, exclusive, reverse } = call.attrs as { axis: number; exclusive: boolean; reverse: boolean };
    return call.graph.node('CumSum', [x, call.graph.constant([axis], 'int64', [])], x.type, x.shape, {
      attributes: { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 },
    });
  });
}
