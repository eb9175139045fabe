import { operand } from '../trace/graph';
import { axisOf, reducedAxes } from '../trace/signatures';
import { type HloType, i64Array } from './hlo-text';
import { compare, type Lowering, type Lowerings, pair, reshape, select } from './kernels';
import { pad } from './kernels-shape';
import { type Module, scalars, type Value } from './module';

/** Sums, extremes and places of extremes. */

type Folding = 'add' | 'multiply' | 'maximum' | 'minimum';

const SMALLEST_INT = -2_147_483_648;

/** What folding leaves unchanged. */
const neutral = (folding: Folding, type: HloType): number => {
  if (folding === 'add') return 0;
  if (folding === 'multiply') return 1;
  const lowest = folding === 'maximum';
  if (type === 'int32') return lowest ? SMALLEST_INT : -1 - SMALLEST_INT;
  return lowest ? -Infinity : Infinity;
};

const folded = (folding: Folding, type: HloType) => ({
  types: [type, type],
  body: (m: Module) => (args: readonly Value[]) => [m.op(folding, args, type, [])],
});

/** Folds axes, which are gone from the result. */
export function reduce(m: Module, folding: Folding, x: Value, axes: readonly number[]): Value {
  const shape = x.shape.filter((_, i) => !axes.includes(i));
  const { types, body } = folded(folding, x.type);
  return m.op('reduce', [x, m.splat(neutral(folding, x.type), x.type, [])], x.type, shape, {
    attributes: `dimensions = ${i64Array(axes)}`,
    regions: [{ given: scalars(types), body: body(m) }],
  });
}

const reduction =
  (folding: Folding): Lowering =>
  (call) => {
    const x = operand(call, 'x');
    const axes = reducedAxes(call.attrs, x.shape.length);
    return axes.length === 0 ? x : reshape(call.graph, reduce(call.graph, folding, x, axes), call.outputs[0]!.shape);
  };

/** The place of the first extreme: values and places are folded together, of equal values the earlier place stays. */
const argExtreme =
  (direction: 'GT' | 'LT'): Lowering =>
  (call) => {
    const m = call.graph;
    const x = operand(call, 'x');
    const axis = axisOf(call.attrs.axis as number, x.shape.length);
    const { shape } = call.outputs[0]!;
    const start = m.splat(neutral(direction === 'GT' ? 'maximum' : 'minimum', x.type), x.type, []);
    const results = [
      { type: x.type, shape },
      { type: 'int32', shape },
    ] as const;
    const given = [x, m.iota(x.shape, axis), start, m.splat(0, 'int32', [])];
    const [, index] = m.ops('reduce', given, results, {
      attributes: `dimensions = ${i64Array([axis])}`,
      regions: [
        {
          given: scalars([x.type, 'int32', x.type, 'int32']),
          body: ([a, i, b, j]) => {
            const tie = m.op('and', [compare(m, 'EQ', a!, b!), compare(m, 'LT', i!, j!)], 'bool', []);
            const first = m.op('or', [compare(m, direction, a!, b!), tie], 'bool', []);
            return [select(m, first, a!, b!), select(m, first, i!, j!)];
          },
        },
      ],
    });
    return index!;
  };

/** Each place is a window that ends (or, in reverse, begins) there. */
const cumulativeSum: Lowering = (call) => {
  const m = call.graph;
  const { exclusive, reverse, axis: given } = call.attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const whole = operand(call, 'x');
  const axis = axisOf(given, whole.shape.length);
  const at = (value: number, otherwise: number) => whole.shape.map((_, i) => (i === axis ? value : otherwise));
  const by = reverse ? -1 : 1;
  // Exclusive: the sums of the values moved on by one place.
  const x = exclusive ? pad(m, whole, 0, at(by, 0), at(-by, 0)) : whole;
  const window = whole.shape[axis]!;
  const before = reverse ? 0 : window - 1;
  const padding = whole.shape.map((_, i) => (i === axis ? `[${before}, ${window - 1 - before}]` : '[0, 0]')).join(', ');
  const ones = i64Array(at(1, 1));
  const { types, body } = folded('add', x.type);
  return m.op('reduce_window', [x, m.splat(0, x.type, [])], x.type, x.shape, {
    attributes:
      `base_dilations = ${ones}, padding = dense<[${padding}]> : tensor<${x.shape.length}x2xi64>, ` +
      `window_dilations = ${ones}, window_dimensions = ${i64Array(at(window, 1))}, window_strides = ${ones}`,
    regions: [{ given: scalars(types), body: body(m) }],
  });
};

export const REDUCTIONS: Lowerings = {
  Sum: reduction('add'),
  Prod: reduction('multiply'),
  Max: reduction('maximum'),
  Min: reduction('minimum'),
  Mean: (call) => {
    const x = operand(call, 'x');
    const count = reducedAxes(call.attrs, x.shape.length).reduce((product, a) => product * x.shape[a]!, 1);
    return pair(call.graph, 'divide', reduction('add')(call) as Value, call.graph.splat(count, x.type, []));
  },
  ArgMax: argExtreme('GT'),
  ArgMin: argExtreme('LT'),
  Cumsum: cumulativeSum,
  Softmax: (call) => {
    const m = call.graph;
    const x = operand(call, 'logits');
    const axis = axisOf(call.attrs.dim as number, x.shape.length);
    const kept = x.shape.map((d, i) => (i === axis ? 1 : d));
    const most = reshape(m, reduce(m, 'maximum', x, [axis]), kept);
    const powers = m.op('exponential', [pair(m, 'subtract', x, most)], x.type, x.shape);
    return pair(m, 'divide', powers, reshape(m, reduce(m, 'add', powers, [axis]), kept));
  },
};
