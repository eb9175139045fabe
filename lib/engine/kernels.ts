import type { Value } from './graph';
import { ONNX_TYPE_ID } from './onnx';
import { type KernelCall, type Lowering, onnxType, registerLowering } from './trace';

/** tfjs kernel -> ONNX node, one row each. Reductions, indexing and products have files of their own. */

const broadcast = (a: readonly number[], b: readonly number[]): number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    return x === 1 ? y : x;
  });
};

/** One operand, named as tfjs names it. */
export const operand = (call: KernelCall, name: string): Value => {
  const value = call.inputs[name];
  if (value === undefined || Array.isArray(value)) throw new Error(`engine: kernel input ${name} is missing`);
  return value as Value;
};

/** A list of operands (Concat, AddN, Pack), in order. */
export const operands = (call: KernelCall): Value[] => Object.values(call.inputs).flat() as Value[];

const unary =
  (op: string): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    return call.graph.node(op, [x], x.type, x.shape);
  };

const binary =
  (op: string, output?: 'bool'): Lowering =>
  (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    return call.graph.node(op, [a, b], output ?? a.type, broadcast(a.shape, b.shape));
  };

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
};

const COMPARISON: Readonly<Record<string, string>> = {
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
  const node = (op: string, x: Value, y: Value) => call.graph.node(op, [x, y], a.type, shape);
  if (call.target.integerMod) return node('Mod', a, b);
  const remainder = (x: Value) => node('Sub', x, node('Mul', node('Div', x, b), b));
  return remainder(node('Add', remainder(a), b));
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

export function registerElementwise(): void {
  for (const [kernel, op] of Object.entries(UNARY)) registerLowering(kernel, unary(op));
  for (const [kernel, op] of Object.entries(BINARY)) registerLowering(kernel, binary(op));
  registerLowering('Add', (call) => addScattered(call) ?? binary('Add')(call));
  for (const [kernel, op] of Object.entries(COMPARISON)) registerLowering(kernel, binary(op, 'bool'));

  registerLowering('NotEqual', (call) => {
    const equal = binary('Equal', 'bool')(call) as Value;
    return call.graph.node('Not', [equal], 'bool', equal.shape);
  });
  registerLowering('Square', (call) => {
    const x = operand(call, 'x');
    return call.graph.node('Mul', [x, x], x.type, x.shape);
  });
  registerLowering('Rsqrt', (call) => {
    const root = unary('Sqrt')(call) as Value;
    return call.graph.node('Reciprocal', [root], root.type, root.shape);
  });
  registerLowering('SquaredDifference', (call) => {
    const difference = binary('Sub')(call) as Value;
    return call.graph.node('Mul', [difference, difference], difference.type, difference.shape);
  });
  // tfjs rounds the quotient down, ONNX's integer Div cuts it: through Mod with the divisor's sign. Of floats too
  // tfjs makes an int32.
  registerLowering('FloorDiv', (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    const shape = broadcast(a.shape, b.shape);
    if (a.type !== 'int32') {
      const quotient = call.graph.node('Div', [a, b], a.type, shape);
      return cast(call, call.graph.node('Floor', [quotient], a.type, shape), 'int32');
    }
    const remainder = integerMod(call, a, b, shape);
    return call.graph.node('Div', [call.graph.node('Sub', [a, remainder], a.type, shape), b], a.type, shape);
  });
  registerLowering('Mod', (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    const shape = broadcast(a.shape, b.shape);
    if (a.type === 'int32') return integerMod(call, a, b, shape);
    // ONNX's float Mod takes the dividend's sign, tfjs the divisor's.
    const quotient = call.graph.node('Floor', [call.graph.node('Div', [a, b], a.type, shape)], a.type, shape);
    return call.graph.node('Sub', [a, call.graph.node('Mul', [quotient, b], a.type, shape)], a.type, shape);
  });
  registerLowering('AddN', (call) => {
    const values = operands(call);
    // ONNX's own Sum is for floats only, and not on WebGPU.
    return values.reduce((sum, v) => call.graph.node('Add', [sum, v], v.type, v.shape));
  });
  registerLowering('Select', (call) => {
    const condition = operand(call, 'condition');
    const t = operand(call, 't');
    const e = operand(call, 'e');
    return call.graph.node('Where', [condition, t, e], t.type, t.shape);
  });
  registerLowering('Cast', (call) => cast(call, operand(call, 'x'), onnxType(call.attrs.dtype as never)));
  registerLowering('Identity', (call) => operand(call, 'x'));
  registerLowering('ClipByValue', (call) => {
    const x = operand(call, 'x');
    const bound = (name: string) => call.graph.constant([call.attrs[name] as number], x.type, []);
    return call.graph.node('Clip', [x, bound('clipValueMin'), bound('clipValueMax')], x.type, x.shape);
  });
  registerLowering('Step', (call) => {
    const x = operand(call, 'x');
    const zero = call.graph.constant([0], x.type, []);
    const positive = call.graph.node('Greater', [x, zero], 'bool', x.shape);
    const one = call.graph.constant([1], x.type, []);
    const otherwise = call.graph.constant([(call.attrs.alpha as number) ?? 0], x.type, []);
    return call.graph.node('Where', [positive, one, otherwise], x.type, x.shape);
  });
}
