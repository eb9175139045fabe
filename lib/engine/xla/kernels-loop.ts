import { FENCE, LAYER_LOOP, LAYER_LOOP_GRADIENT } from '../trace/graph';
import { i64Array } from './hlo-text';
import { compare, convert, type KernelCall, type Lowering, type Lowerings, pair, reshape } from './kernels';
import type { Module, Value } from './module';
import { shardAxis } from './sharding';

/** Loops over stacked layers as `while`: a layer's weights are cut out of their stacks, its results put into others. */

const list = (call: KernelCall, name: string): readonly Value[] => call.inputs[name] as readonly Value[];

const integer = (m: Module, value: number): Value => m.splat(value, 'int32', []);

/** A layer's weights, whole on each device for as long as it is computed; in 16 bits where the products are. */
function weights(m: Module, stack: Value, at: Value): Value {
  const own = take(m, stack, at);
  const short = m.products === 'bf16' && own.shape.length >= 2 ? convert(m, own, 'bfloat16') : own;
  return m.lay(short, undefined);
}

/** A layer's tokens: each device computes its own. */
const rows = (m: Module, x: Value, axis = 0): Value => m.lay(x, x.shape[axis]! % m.devices === 0 ? axis : undefined);

/** A gradient as its stack is split: each device sums the part that it keeps. */
function share(m: Module, gradient: Value): Value {
  const axis = shardAxis(STACK, [1, ...gradient.shape], m.devices);
  return m.lay(gradient, axis === undefined ? undefined : axis - 1);
}

/** A name as stacks have it: their split hangs on nothing else. */
const STACK = 'state.layers.*.';

/** The part of a stack [L, ...] that is layer `at`'s. */
export function take(m: Module, stack: Value, at: Value): Value {
  const shape = stack.shape.slice(1);
  const starts = [at, ...shape.map(() => integer(m, 0))];
  const attributes = `slice_sizes = ${i64Array([1, ...shape])}`;
  const part = m.op('dynamic_slice', [stack, ...starts], stack.type, [1, ...shape], { attributes });
  return reshape(m, part, shape);
}

/** A stack with `part` as its layer `at`. */
export function put(m: Module, stack: Value, part: Value, at: Value): Value {
  const starts = [at, ...part.shape.map(() => integer(m, 0))];
  return m.op(
    'dynamic_update_slice',
    [stack, reshape(m, part, [1, ...part.shape]), ...starts],
    stack.type,
    stack.shape,
  );
}

/** Counts `n` from 0 to `count` and hands it with what is carried from turn to turn. */
function repeat(
  m: Module,
  count: number,
  carried: readonly Value[],
  turn: (n: Value, now: readonly Value[]) => readonly Value[],
): readonly Value[] {
  const all = [integer(m, 0), ...carried];
  const results = m.ops('while', all, all, {
    regions: [
      { given: all, body: ([n]) => [compare(m, 'LT', n!, integer(m, count))] },
      { given: all, body: ([n, ...now]) => [pair(m, 'add', n!, integer(m, 1)), ...turn(n!, now)] },
    ],
  });
  return results.slice(1);
}

const forward: Lowering = (call) => {
  const m = call.graph;
  const { from, to } = call.attrs as { from: number; to: number };
  const [x] = list(call, 'state') as [Value];
  const stacks = list(call, 'stacks');
  const kept = m.splat(0, m.products === 'bf16' ? 'bfloat16' : x.type, call.outputs[1]!.shape);
  return repeat(m, to - from, [rows(m, x), rows(m, kept, 1)], (n, [state, inputs]) => {
    const layer = pair(m, 'add', n, integer(m, from));
    const [next] = call.body!([layer, state!, ...stacks.map((stack) => weights(m, stack, layer))]);
    return [rows(m, next!), put(m, inputs!, convert(m, state!, inputs!.type), n)];
  });
};

const backward: Lowering = (call) => {
  const m = call.graph;
  const { from, to } = call.attrs as { from: number; to: number };
  const [dy] = list(call, 'state') as [Value];
  const [kept] = list(call, 'kept') as [Value];
  const stacks = list(call, 'stacks');
  const gradients = call.outputs
    .slice(1)
    .map(({ shape }) => m.lay(m.splat(0, 'float32', shape), shardAxis(STACK, shape, m.devices)));
  return repeat(m, to - from, [rows(m, dy), ...gradients], (n, [change, ...sums]) => {
    const place = pair(m, 'subtract', integer(m, to - from - 1), n);
    const layer = pair(m, 'add', place, integer(m, from));
    const input = take(m, kept, place);
    const slices = stacks.map((stack) => weights(m, stack, layer));
    const [dx, ...own] = call.body!([layer, input, change!, ...slices]);
    return [rows(m, dx!), ...own.map((gradient, i) => put(m, sums[i]!, share(m, gradient), layer))];
  });
};

const fence: Lowering = (call) => {
  const m = call.graph;
  const rounded = m.products === 'bf16' ? (call.attrs.rounded as number) : 0;
  const tensors = list(call, 'kept').map((x, i) => (i < rounded ? convert(m, x, 'bfloat16') : x));
  return m.ops('optimization_barrier', tensors, tensors);
};

export const LOOPS: Lowerings = { [LAYER_LOOP]: forward, [LAYER_LOOP_GRADIENT]: backward, [FENCE]: fence };
