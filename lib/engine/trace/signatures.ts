import type { Operands, TracedDtype, TracedSpec, TracedValue } from './graph';

/** tfjs kernel -> shapes and types of what it gives, one row each. A kernel without a row cannot be traced. */

export interface SignatureCall {
  readonly inputs: Operands;
  readonly attrs: Readonly<Record<string, unknown>>;
}

type Signature = (call: SignatureCall) => TracedSpec | readonly TracedSpec[];

const one = (call: SignatureCall, name: string): TracedValue => {
  const value = call.inputs[name];
  if (value === undefined || !('id' in value)) throw new Error(`engine: kernel input ${name} is missing`);
  return value;
};
const list = (call: SignatureCall): TracedValue[] => Object.values(call.inputs).flat() as TracedValue[];

/** The place of an axis, counted from the front. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

export const broadcast = (a: readonly number[], b: readonly number[]): number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    return x === 1 ? y : x;
  });
};

export function tracedDtype(dtype: string): TracedDtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`engine: tensors of type ${dtype} cannot be traced; use float32, int32 or bool`);
}

const like =
  (name: string): Signature =>
  (call) =>
    one(call, name);
const wide = (call: SignatureCall) => broadcast(one(call, 'a').shape, one(call, 'b').shape);
const binary: Signature = (call) => ({ dtype: one(call, 'a').dtype, shape: wide(call) });
const comparison: Signature = (call) => ({ dtype: 'bool', shape: wide(call) });

/** The axes that a reduction sums over: tfjs says none for all. */
export function reducedAxes(attrs: SignatureCall['attrs'], rank: number): number[] {
  const { axis, reductionIndices } = attrs as { axis?: number | number[]; reductionIndices?: number | number[] };
  const given = axis ?? reductionIndices;
  const all = Array.from({ length: rank }, (_, i) => i);
  return (given === undefined || given === null ? all : [given].flat()).map((a) => axisOf(a, rank));
}

const reduction: Signature = (call) => {
  const { dtype, shape } = one(call, 'x');
  const axes = reducedAxes(call.attrs, shape.length);
  const kept = call.attrs.keepDims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : undefined;
  return { dtype, shape: kept ?? shape.filter((_, i) => !axes.includes(i)) };
};

const argExtreme: Signature = (call) => {
  const { shape } = one(call, 'x');
  const at = axisOf(call.attrs.axis as number, shape.length);
  return { dtype: 'int32', shape: shape.filter((_, i) => i !== at) };
};

/** Where a Slice begins and how much it takes, on every axis. */
export function sliceOf(attrs: SignatureCall['attrs'], from: readonly number[]): { begin: number[]; size: number[] } {
  const given = attrs as { begin: number | number[]; size: number | number[] };
  const begin = from.map((_, i) => [given.begin].flat()[i] ?? 0);
  const size = from.map((d, i) => {
    const s = [given.size].flat()[i];
    return s === undefined || s === -1 ? d - begin[i]! : s;
  });
  return { begin, size };
}

const batchMatMul: Signature = (call) => {
  const [a, b] = [one(call, 'a'), one(call, 'b')];
  const { transposeA = false, transposeB = false } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return { dtype: a.dtype, shape: [...batch, a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!] };
};

const gather: Signature = (call) => {
  const [x, indices] = [one(call, 'x'), one(call, 'indices')];
  const { axis = 0, batchDims = 0 } = call.attrs as { axis?: number; batchDims?: number };
  if (batchDims !== 0) {
    throw new Error('engine: tf.gather with batchDims has no lowering; flatten the batch into the indices');
  }
  const at = axisOf(axis, x.shape.length);
  return { dtype: x.dtype, shape: [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)] };
};

const reshape: Signature = (call) => {
  const x = one(call, 'x');
  const shape = call.attrs.shape as number[];
  const known = shape.filter((d) => d >= 0).reduce((a, b) => a * b, 1);
  const size = x.shape.reduce((a, b) => a * b, 1);
  return { dtype: x.dtype, shape: shape.map((d) => (d < 0 ? size / known : d)) };
};

const splitV: Signature = (call) => {
  const x = one(call, 'x');
  const { numOrSizeSplits, axis } = call.attrs as { numOrSizeSplits: number | number[]; axis: number };
  const at = axisOf(axis, x.shape.length);
  const given = Array.isArray(numOrSizeSplits)
    ? numOrSizeSplits
    : Array.from({ length: numOrSizeSplits }, () => x.shape[at]! / numOrSizeSplits);
  // One size may be -1: what the others leave.
  const rest = x.shape[at]! - given.reduce((sum, s) => sum + Math.max(s, 0), 0);
  const sizes = given.map((s) => (s < 0 ? rest : s));
  return sizes.map((s) => ({ dtype: x.dtype, shape: x.shape.map((d, i) => (i === at ? s : d)) }));
};

/** The numbers of tf.range. */
export function rangeOf(attrs: SignatureCall['attrs']): number[] {
  const { start, stop, step } = attrs as { start: number; stop: number; step: number };
  const values: number[] = [];
  for (let v = start; step > 0 ? v < stop : v > stop; v += step) values.push(v);
  return values;
}

const same = (of: Signature, kernels: readonly string[]) => Object.fromEntries(kernels.map((name) => [name, of]));

export const SIGNATURES: Readonly<Record<string, Signature>> = {
  ...same(like('x'), ['Abs', 'Neg', 'Exp', 'Log', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Sigmoid', 'Tanh', 'Relu', 'Floor']),
  ...same(like('x'), ['Sin', 'Cos', 'LogicalNot', 'Square', 'Step', 'ClipByValue', 'Identity', 'Cumsum']),
  ...same(like('x'), ['ZerosLike', 'OnesLike']),
  ...same(binary, ['Add', 'Sub', 'Multiply', 'RealDiv', 'Pow', 'Maximum', 'Minimum', 'SquaredDifference', 'Mod']),
  ...same(comparison, ['Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual', 'LogicalAnd', 'LogicalOr']),
  ...same(reduction, ['Sum', 'Mean', 'Max', 'Min', 'Prod']),
  ...same(argExtreme, ['ArgMax', 'ArgMin']),
  // Of floats too tfjs makes an int32.
  FloorDiv: (call) => ({ dtype: 'int32', shape: wide(call) }),
  AddN: (call) => list(call)[0]!,
  Select: like('t'),
  Softmax: like('logits'),
  Cast: (call) => ({ dtype: tracedDtype(call.attrs.dtype as string), shape: one(call, 'x').shape }),
  Reshape: reshape,
  ExpandDims: (call) => {
    const { dtype, shape } = one(call, 'input');
    const at = axisOf(call.attrs.dim as number, shape.length + 1);
    return { dtype, shape: [...shape.slice(0, at), 1, ...shape.slice(at)] };
  },
  Transpose: (call) => {
    const { dtype, shape } = one(call, 'x');
    return { dtype, shape: (call.attrs.perm as number[]).map((p) => shape[p]!) };
  },
  Concat: (call) => {
    const values = list(call);
    const { dtype, shape } = values[0]!;
    const at = axisOf(call.attrs.axis as number, shape.length);
    return { dtype, shape: shape.map((d, i) => (i === at ? values.reduce((sum, v) => sum + v.shape[i]!, 0) : d)) };
  },
  Pack: (call) => {
    const values = list(call);
    const { dtype, shape } = values[0]!;
    const at = axisOf(call.attrs.axis as number, shape.length + 1);
    return { dtype, shape: [...shape.slice(0, at), values.length, ...shape.slice(at)] };
  },
  Slice: (call) => {
    const { dtype, shape } = one(call, 'x');
    return { dtype, shape: sliceOf(call.attrs, shape).size };
  },
  SplitV: splitV,
  Tile: (call) => {
    const { dtype, shape } = one(call, 'x');
    return { dtype, shape: shape.map((d, i) => d * (call.attrs.reps as number[])[i]!) };
  },
  PadV2: (call) => {
    const { dtype, shape } = one(call, 'x');
    const paddings = call.attrs.paddings as [number, number][];
    return { dtype, shape: shape.map((d, i) => d + paddings[i]![0] + paddings[i]![1]) };
  },
  Fill: (call) => ({
    dtype: tracedDtype((call.attrs.dtype as string) ?? 'float32'),
    shape: call.attrs.shape as number[],
  }),
  Range: (call) => ({ dtype: tracedDtype(call.attrs.dtype as string), shape: [rangeOf(call.attrs).length] }),
  BatchMatMul: batchMatMul,
  GatherV2: gather,
  GatherNd: (call) => {
    const [params, indices] = [one(call, 'params'), one(call, 'indices')];
    const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(indices.shape.at(-1)!)];
    return { dtype: params.dtype, shape };
  },
  UnsortedSegmentSum: (call) => {
    const [x, ids] = [one(call, 'x'), one(call, 'segmentIds')];
    return { dtype: x.dtype, shape: [call.attrs.numSegments as number, ...x.shape.slice(ids.shape.length)] };
  },
  OneHot: (call) => {
    const { depth, dtype } = call.attrs as { depth: number; dtype?: string };
    return { dtype: dtype === 'int32' ? 'int32' : 'float32', shape: [...one(call, 'indices').shape, depth] };
  },
};
