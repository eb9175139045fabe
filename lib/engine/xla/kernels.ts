import {
  type KernelCall as Call,
  CONSTANT,
  type Lowering as Lower,
  operand,
  operands,
  type Lowerings as Table,
} from '../trace/graph';
import { broadcast } from '../trace/signatures';
import { type HloType, i64Array } from './hlo-text';
import type { Module, Value } from './module';

export type KernelCall = Call<Value, Module>;
export type Lowering = Lower<Value, Module>;
export type Lowerings = Table<Value, Module>;

/** tfjs kernel -> StableHLO operations. Nothing broadcasts by itself there: operands are first made alike. */

export const reshape = (m: Module, x: Value, shape: readonly number[]): Value =>
  String(x.shape) === String(shape) ? x : m.op('reshape', [x], x.type, shape);

/** NumPy's rules: axes are matched from the last, and those of size 1 repeat. */
export function broadcastTo(m: Module, x: Value, shape: readonly number[]): Value {
  if (String(x.shape) === String(shape)) return x;
  const kept = x.shape.map((_, i) => i).filter((i) => x.shape[i] !== 1);
  const dense = reshape(
    m,
    x,
    kept.map((i) => x.shape[i]!),
  );
  const places = kept.map((i) => i + shape.length - x.shape.length);
  return m.op('broadcast_in_dim', [dense], x.type, shape, { attributes: `broadcast_dimensions = ${i64Array(places)}` });
}

/** Two operands of one type, made alike, through an elementwise operation. */
export function pair(m: Module, name: string, a: Value, b: Value): Value {
  const shape = broadcast(a.shape, b.shape);
  return m.op(name, [broadcastTo(m, a, shape), broadcastTo(m, b, shape)], a.type, shape);
}

export type Direction = 'GT' | 'GE' | 'LT' | 'LE' | 'EQ' | 'NE';

export function compare(m: Module, direction: Direction, a: Value, b: Value): Value {
  const shape = broadcast(a.shape, b.shape);
  const attributes = `comparison_direction = #stablehlo<comparison_direction ${direction}>`;
  return m.op('compare', [broadcastTo(m, a, shape), broadcastTo(m, b, shape)], 'bool', shape, { attributes });
}

export function select(m: Module, condition: Value, on: Value, off: Value): Value {
  const shape = broadcast(condition.shape, broadcast(on.shape, off.shape));
  return m.op(
    'select',
    [condition, on, off].map((v) => broadcastTo(m, v, shape)),
    on.type,
    shape,
  );
}

export const convert = (m: Module, x: Value, type: HloType): Value =>
  x.type === type ? x : m.op('convert', [x], type, x.shape);

const unary =
  (name: string): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    return call.graph.op(name, [x], x.type, x.shape);
  };

const binary =
  (name: string): Lowering =>
  (call) =>
    pair(call.graph, name, operand(call, 'a'), operand(call, 'b'));

const comparison =
  (direction: Direction): Lowering =>
  (call) =>
    compare(call.graph, direction, operand(call, 'a'), operand(call, 'b'));

/** The remainder with the divisor's sign, as tfjs has it; StableHLO's has the dividend's. */
function floorMod(m: Module, a: Value, b: Value): Value {
  const shape = broadcast(a.shape, b.shape);
  const [x, y] = [broadcastTo(m, a, shape), broadcastTo(m, b, shape)];
  const remainder = m.op('remainder', [x, y], a.type, shape);
  const zero = m.splat(0, a.type, shape);
  const apart = compare(m, 'NE', compare(m, 'LT', remainder, zero), compare(m, 'LT', y, zero));
  const turned = m.op('and', [compare(m, 'NE', remainder, zero), apart], 'bool', shape);
  return select(m, turned, pair(m, 'add', remainder, y), remainder);
}

const each = <T extends string>(of: Readonly<Record<string, T>>, make: (name: T) => Lowering): Lowerings =>
  Object.fromEntries(Object.entries(of).map(([kernel, name]) => [kernel, make(name)]));

export const ELEMENTWISE: Lowerings = {
  ...each({ Abs: 'abs', Neg: 'negate', Exp: 'exponential', Log: 'log', Sqrt: 'sqrt', Rsqrt: 'rsqrt' }, unary),
  ...each({ Sigmoid: 'logistic', Tanh: 'tanh', Floor: 'floor', Sin: 'sine', Cos: 'cosine', LogicalNot: 'not' }, unary),
  ...each({ Add: 'add', Sub: 'subtract', Multiply: 'multiply', RealDiv: 'divide', Pow: 'power' }, binary),
  ...each({ Maximum: 'maximum', Minimum: 'minimum', LogicalAnd: 'and', LogicalOr: 'or' }, binary),
  ...each(
    { Greater: 'GT', GreaterEqual: 'GE', Less: 'LT', LessEqual: 'LE', Equal: 'EQ', NotEqual: 'NE' } as const,
    comparison,
  ),
  [CONSTANT]: (call) => {
    const { dtype, shape } = call.outputs[0]!;
    return call.graph.constant(call.attrs.values as number[], dtype, shape);
  },
  Reciprocal: (call) => {
    const x = operand(call, 'x');
    return pair(call.graph, 'divide', call.graph.splat(1, x.type, x.shape), x);
  },
  Relu: (call) => {
    const x = operand(call, 'x');
    return pair(call.graph, 'maximum', x, call.graph.splat(0, x.type, x.shape));
  },
  Square: (call) => pair(call.graph, 'multiply', operand(call, 'x'), operand(call, 'x')),
  SquaredDifference: (call) => {
    const difference = pair(call.graph, 'subtract', operand(call, 'a'), operand(call, 'b'));
    return pair(call.graph, 'multiply', difference, difference);
  },
  Mod: (call) => floorMod(call.graph, operand(call, 'a'), operand(call, 'b')),
  // tfjs rounds the quotient down, StableHLO's integer division cuts it.
  FloorDiv: (call) => {
    const [a, b] = [operand(call, 'a'), operand(call, 'b')];
    if (a.type === 'int32') {
      const whole = pair(call.graph, 'subtract', a, floorMod(call.graph, a, b));
      return pair(call.graph, 'divide', whole, b);
    }
    const quotient = pair(call.graph, 'divide', a, b);
    return convert(call.graph, call.graph.op('floor', [quotient], a.type, quotient.shape), 'int32');
  },
  AddN: (call) => operands(call).reduce((sum, v) => pair(call.graph, 'add', sum, v)),
  Select: (call) => select(call.graph, operand(call, 'condition'), operand(call, 't'), operand(call, 'e')),
  Cast: (call) => convert(call.graph, operand(call, 'x'), call.outputs[0]!.dtype),
  Identity: (call) => operand(call, 'x'),
  ClipByValue: (call) => {
    const x = operand(call, 'x');
    const bound = (name: string) => call.graph.splat(call.attrs[name] as number, x.type, []);
    return call.graph.op('clamp', [bound('clipValueMin'), x, bound('clipValueMax')], x.type, x.shape);
  },
  Step: (call) => {
    const x = operand(call, 'x');
    const m = call.graph;
    const otherwise = m.splat((call.attrs.alpha as number) ?? 0, x.type, []);
    return select(m, compare(m, 'GT', x, m.splat(0, x.type, x.shape)), m.splat(1, x.type, []), otherwise);
  },
};
