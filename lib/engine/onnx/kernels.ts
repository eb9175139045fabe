import {
  type KernelCall as Call,
  CONSTANT,
  type Lowering as Lower,
  operand,
  operands,
  type Lowerings as Table,
} from '../trace/graph';
import type { GraphBuilder, Value } from './builder';
import { ONNX_TYPE_ID, type OnnxType } from './encode';

export type KernelCall = Call<Value, GraphBuilder>;
export type Lowering = Lower<Value, GraphBuilder>;
export type Lowerings = Table<Value, GraphBuilder>;

/** tfjs kernel -> ONNX node, one row each. Reductions, indexing and products have files of their own. */

/** Adds the one node that is the kernel. */
export const node = (call: KernelCall, op: string, inputs: readonly Value[], attributes = {}): Value => {
  const { dtype, shape } = call.outputs[0]!;
  return call.graph.node(op, inputs, dtype, shape, { attributes });
};

const unary =
  (op: string): Lowering =>
  (call) =>
    node(call, op, [operand(call, 'x')]);

const binary =
  (op: string): Lowering =>
  (call) =>
    node(call, op, [operand(call, 'a'), operand(call, 'b')]);

const UNARY: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Neg: 'Neg',
  Exp: 'Exp',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Reciprocal: 'Reciprocal',
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Relu: 'Relu',
  Floor: 'Floor',
  Sin: 'Sin',
  Cos: 'Cos',
  LogicalNot: 'Not',
};

const BINARY: Readonly<Record<string, string>> = {
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'Div',
  Pow: 'Pow',
  Maximum: 'Max',
  Minimum: 'Min',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  Equal: 'Equal',
  LogicalAnd: 'And',
  LogicalOr: 'Or',
};

const cast = (call: KernelCall, x: Value, type: Value['type']): Value => {
  if (x.type === type) return x;
  return call.graph.node('Cast', [x], type, x.shape, { attributes: { to: ONNX_TYPE_ID[type] } });
};

export const reshape = (call: KernelCall, x: Value, shape: readonly number[]): Value =>
  String(x.shape) === String(shape)
    ? x
    : call.graph.node('Reshape', [x, call.graph.reshapeTo(x.shape, shape)], x.type, shape);

/** The remainder with the divisor's sign, as tfjs and ONNX's integer Mod have it: ((a rem b) + b) rem b. */
function integerMod(call: KernelCall, a: Value, b: Value, shape: readonly number[]): Value {
  const pair = (op: string, x: Value, y: Value) => call.graph.node(op, [x, y], a.type, shape);
  if (call.graph.target.integerMod) return pair('Mod', a, b);
  const remainder = (x: Value) => pair('Sub', x, pair('Mul', pair('Div', x, b), b));
  return remainder(pair('Add', remainder(a), b));
}

/** a + (rows scattered into zeros) is the rows scattered into a: two passes over a large gradient less. */
function addScattered(call: KernelCall): Value | undefined {
  const a = operand(call, 'a');
  const b = operand(call, 'b');
  for (const [base, sum] of [
    [a, b],
    [b, a],
  ] as const) {
    const scatter = call.graph.producerOf(sum);
    if (scatter?.op !== 'ScatterElements' || String(base.shape) !== String(sum.shape)) continue;
    const [zeros, indices, rows] = scatter.operands as [Value, Value, Value];
    if (call.graph.producerOf(zeros)?.op !== 'Expand') continue;
    return call.graph.node('ScatterElements', [base, indices, rows], base.type, base.shape, scatter);
  }
  return undefined;
}

/** A tensor of one repeated value, stored as a scalar. */
export function filled(graph: GraphBuilder, value: number, type: OnnxType, shape: readonly number[]): Value {
  const scalar = graph.constant([value], type, []);
  return graph.node('Expand', [scalar, graph.constant(shape, 'int64', [shape.length])], type, shape);
}

const each = (of: Readonly<Record<string, string>>, make: (op: string) => Lowering): Lowerings =>
  Object.fromEntries(Object.entries(of).map(([kernel, op]) => [kernel, make(op)]));

export const ELEMENTWISE: Lowerings = {
  ...each(UNARY, unary),
  ...each(BINARY, binary),
  [CONSTANT]: (call) => {
    const { dtype, shape } = call.outputs[0]!;
    const values = call.attrs.values as number[];
    const uniform = values.length > 16 && values.every((v) => v === values[0]);
    return uniform ? filled(call.graph, values[0]!, dtype, shape) : call.graph.constant(values, dtype, shape);
  },
  Add: (call) => addScattered(call) ?? binary('Add')(call),
  NotEqual: (call) => node(call, 'Not', [binary('Equal')(call) as Value]),
  Square: (call) => node(call, 'Mul', [operand(call, 'x'), operand(call, 'x')]),
  Rsqrt: (call) => node(call, 'Reciprocal', [unary('Sqrt')(call) as Value]),
  SquaredDifference: (call) => {
    const difference = binary('Sub')(call) as Value;
    return node(call, 'Mul', [difference, difference]);
  },
  // tfjs rounds the quotient down, ONNX's integer Div cuts it: through Mod with the divisor's sign.
  FloorDiv: (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    const { shape } = call.outputs[0]!;
    if (a.type !== 'int32') {
      const quotient = call.graph.node('Div', [a, b], a.type, shape);
      return cast(call, call.graph.node('Floor', [quotient], a.type, shape), 'int32');
    }
    const remainder = integerMod(call, a, b, shape);
    return node(call, 'Div', [node(call, 'Sub', [a, remainder]), b]);
  },
  Mod: (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    if (a.type === 'int32') return integerMod(call, a, b, call.outputs[0]!.shape);
    // ONNX's float Mod takes the dividend's sign, tfjs the divisor's.
    const quotient = node(call, 'Floor', [node(call, 'Div', [a, b])]);
    return node(call, 'Sub', [a, node(call, 'Mul', [quotient, b])]);
  },
  // ONNX's own Sum is for floats only, and not on WebGPU.
  AddN: (call) => operands(call).reduce((sum, v) => node(call, 'Add', [sum, v])),
  Select: (call) => node(call, 'Where', [operand(call, 'condition'), operand(call, 't'), operand(call, 'e')]),
  Cast: (call) => cast(call, operand(call, 'x'), call.outputs[0]!.dtype),
  Identity: (call) => operand(call, 'x'),
  ClipByValue: (call) => {
    const x = operand(call, 'x');
    const bound = (name: string) => call.graph.constant([call.attrs[name] as number], x.type, []);
    return node(call, 'Clip', [x, bound('clipValueMin'), bound('clipValueMax')]);
  },
  Step: (call) => {
    const x = operand(call, 'x');
    const zero = call.graph.constant([0], x.type, []);
    const positive = call.graph.node('Greater', [x, zero], 'bool', x.shape);
    const one = call.graph.constant([1], x.type, []);
    const otherwise = call.graph.constant([(call.attrs.alpha as number) ?? 0], x.type, []);
    return node(call, 'Where', [positive, one, otherwise]);
  },
};
