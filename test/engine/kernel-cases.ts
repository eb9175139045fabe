import { blockwise } from '../../lib/engine/blockwise';
import { float32, type HostTensor, int32, sizeOf } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { together } from '../../lib/engine/together';
import { createRandom } from '../../lib/random';

/** One way of calling a kernel; the results are compared between devices. */
export interface Variant {
  readonly label: string;
  readonly inputs: readonly HostTensor[];
  readonly fn: (...tensors: tf.Tensor[]) => tf.Tensor | readonly tf.Tensor[];
}

const random = createRandom(7, 'kernels');

/** Uniform floats, and integers in [low, high]. */
export const real = (shape: readonly number[], low = -2, high = 2): HostTensor =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.next()),
  );
export const whole = (shape: readonly number[], low = -9, high = 9): HostTensor =>
  int32(
    shape,
    Int32Array.from({ length: sizeOf(shape) }, () => low + random.int(high - low + 1)),
  );

const JOINED = [[3], [], [129, 128], ...Array.from({ length: 60 }, (_, i) => [7 * i + 1, 16]), [65, 64], [2, 3, 4]];
const SHAPES = [[], [1], [65], [3, 7], [2, 1, 5]];
const PAIRS: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[65], [65]],
  [
    [3, 7],
    [3, 7],
  ],
  [[3, 7], [7]],
  [[7], [3, 7]],
  [
    [3, 1],
    [1, 7],
  ],
  [[], [65]],
  [[65], []],
  [
    [2, 1, 5],
    [3, 1],
  ],
];

type Make = (shape: readonly number[]) => HostTensor;
type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const one = (label: string, inputs: readonly HostTensor[], fn: Variant['fn']): Variant => ({ label, inputs, fn });
const unary = (fn: Unary, make: Make = real): Variant[] => SHAPES.map((s) => one(`[${s}]`, [make(s)], fn as never));
const binary = (fn: Binary, left: Make = real, right: Make = left): Variant[] =>
  PAIRS.map(([a, b]) => one(`[${a}] with [${b}]`, [left(a), right(b)], fn as never));
const both = (fn: Binary): Variant[] => [...binary(fn), ...binary(fn, whole)];

const positive: Make = (s) => real(s, 0.1, 3);
const awayFromZero: Make = (s) => {
  const t = real(s, 0.5, 3);
  return float32(
    s,
    Float32Array.from(t.data, (v) => (random.next() < 0.5 ? -v : v)),
  );
};
const nonZero: Make = (s) => {
  const t = whole(s, 1, 5);
  return int32(
    s,
    Int32Array.from(t.data, (v) => (random.next() < 0.5 ? -v : v)),
  );
};
/** Few different numbers, so that equal ones meet. */
const few: Make = (s) => whole(s, -1, 1);
const bits: Make = (s) => whole(s, 0, 1);
const bool = (fn: Binary): Binary => {
  return (a, b) => fn(a.cast('bool'), b.cast('bool'));
};
const compare = (fn: Binary): Variant[] => [...binary(fn), ...binary(fn, few)];

const reduce = (fn: (x: tf.Tensor, axis?: number | number[], keep?: boolean) => tf.Tensor, make: Make = real) => [
  ...SHAPES.map((s) => one(`all of [${s}]`, [make(s)], (x) => fn(x!))),
  one('axis 0', [make([3, 7])], (x) => fn(x!, 0)),
  one('axis -1', [make([3, 7])], (x) => fn(x!, -1)),
  one('axes 0 and -1', [make([3, 2, 7])], (x) => fn(x!, [0, -1])),
  one('axis -2 kept', [make([3, 2, 7])], (x) => fn(x!, -2, true)),
  one('axes 1 and 2 kept', [make([3, 2, 7])], (x) => fn(x!, [1, 2], true)),
  one('all kept', [make([3, 7])], (x) => fn(x!, [0, 1], true)),
];

const arg = (fn: (x: tf.Tensor, axis: number) => tf.Tensor): Variant[] => [
  one('axis 0', [real([3, 7])], (x) => fn(x!, 0)),
  one('axis -1', [real([2, 3, 65])], (x) => fn(x!, -1)),
  one('vector', [real([65])], (x) => fn(x!, 0)),
  one('ties: the first', [few([4, 33])], (x) => fn(x!.cast('float32'), -1)),
  one('integers', [whole([4, 7])], (x) => fn(x!, 1)),
];

const product = (a: readonly number[], b: readonly number[], transposeA = false, transposeB = false): Variant =>
  one(`[${a}]${transposeA ? "'" : ''} [${b}]${transposeB ? "'" : ''}`, [real(a), real(b)], (x, y) =>
    tf.matMul(x!, y!, transposeA, transposeB),
  );

const gradientOf =
  (fn: (x: tf.Tensor, ...rest: tf.Tensor[]) => tf.Tensor) =>
  (x: tf.Tensor, ...rest: tf.Tensor[]): tf.Tensor =>
    tf.grad((v: tf.Tensor) => tf.sum(tf.square(fn(v, ...rest))))(x);

/** A matrix, places in it, rows to add there. */
const scattering = [real([7, 5]), whole([65], 0, 6), real([65, 5])];

const LARGE = 2 * 131_072;

/** Every lowering, by kernel name. */
export const KERNEL_CASES: Readonly<Record<string, readonly Variant[]>> = {
  Abs: [...unary(tf.abs), ...unary(tf.abs, whole)],
  Neg: [...unary(tf.neg), ...unary(tf.neg, whole)],
  Exp: unary(tf.exp),
  Log: unary(tf.log, positive),
  Sqrt: unary(tf.sqrt, positive),
  Rsqrt: unary(tf.rsqrt, positive),
  Reciprocal: unary(tf.reciprocal, awayFromZero),
  Sigmoid: [...unary(tf.sigmoid), one('far out', [real([65], -90, 90)], (x) => tf.sigmoid(x!))],
  Tanh: unary(tf.tanh),
  Relu: [...unary(tf.relu), ...unary(tf.relu, whole)],
  Floor: unary(tf.floor),
  Sin: unary(tf.sin),
  Cos: unary(tf.cos),
  Square: [...unary(tf.square), ...unary(tf.square, whole)],
  LogicalNot: unary((x) => tf.logicalNot(x.cast('bool')), bits),
  Step: [
    ...unary((x) => tf.step(x)),
    ...unary((x) => tf.step(x, 0.25)),
    one('of zero', [few([3, 7])], (x) => tf.step(x!.cast('float32'))),
  ],
  ClipByValue: [
    ...unary((x) => tf.clipByValue(x, -0.5, 1)),
    one('integers', [whole([3, 7])], (x) => tf.clipByValue(x!, -3, 4)),
  ],
  Cast: [
    one('int32 to float32', [whole([3, 7])], (x) => x!.cast('float32').mul(0.5)),
    one('float32 to int32', [real([3, 7], -9, 9)], (x) => x!.cast('int32')),
    one('int32 to bool', [few([65])], (x) => x!.cast('bool')),
    one('bool to float32', [few([65])], (x) => tf.greater(x!, 0).cast('float32')),
    one('bool to int32', [few([65])], (x) => tf.greater(x!, 0).cast('int32')),
    one('to itself', [real([])], (x) => x!.cast('float32')),
  ],
  Identity: unary((x) => x.clone()),

  Add: [
    ...both(tf.add),
    // Merged with a scatter where one operand is one.
    one('rows scattered', scattering, (x, i, rows) => x!.add(tf.unsortedSegmentSum(rows!, i as tf.Tensor1D, 7))),
    one('to rows scattered', scattering, (x, i, rows) => tf.unsortedSegmentSum(rows!, i as tf.Tensor1D, 7).add(x!)),
    one('rows scattered to a row', scattering, (x, i, rows) =>
      tf.unsortedSegmentSum(rows!, i as tf.Tensor1D, 7).add(x!.slice(0, 1)),
    ),
    one('rows scattered, twice', scattering, (x, i, rows) => {
      const sum = tf.unsortedSegmentSum(rows!, i as tf.Tensor1D, 7);
      return [sum.add(sum), sum, x!.add(1)];
    }),
  ],
  Sub: both(tf.sub),
  Multiply: both(tf.mul),
  RealDiv: binary(tf.div, real, awayFromZero),
  Pow: [...binary(tf.pow, positive, real), ...binary(tf.pow, few, (s) => whole(s, 0, 4))],
  Maximum: both(tf.maximum),
  Minimum: both(tf.minimum),
  SquaredDifference: both(tf.squaredDifference),
  Mod: [
    ...binary(tf.mod, (s) => real(s, -9, 9), awayFromZero),
    ...binary(tf.mod, whole, nonZero),
    one('large', [whole([65], -2_100_000_000, 2_100_000_000)], (x) => tf.mod(x!, tf.scalar(46_337, 'int32'))),
  ],
  FloorDiv: [
    ...binary(tf.floorDiv, (s) => real(s, -9, 9), awayFromZero),
    ...binary(tf.floorDiv, whole, nonZero),
    one('by tf.div of integers', [whole([3, 7]), nonZero([7])], (a, b) => tf.div(a!, b!)),
  ],
  Greater: compare(tf.greater),
  GreaterEqual: compare(tf.greaterEqual),
  Less: compare(tf.less),
  LessEqual: compare(tf.lessEqual),
  Equal: [...compare(tf.equal), ...binary(bool(tf.equal), bits)],
  NotEqual: [...compare(tf.notEqual), ...binary(bool(tf.notEqual), bits)],
  LogicalAnd: binary(bool(tf.logicalAnd), bits),
  LogicalOr: binary(bool(tf.logicalOr), bits),
  AddN: [
    one('one', [real([3, 7])], (x) => tf.addN([x!])),
    one('three', [real([65]), real([65]), real([65])], (...xs) => tf.addN(xs)),
    one('scalars', [real([]), real([])], (...xs) => tf.addN(xs)),
    one('integers', [whole([3]), whole([3]), whole([3])], (...xs) => tf.addN(xs)),
  ],
  Select: [
    one('same shape', [bits([3, 7]), real([3, 7]), real([3, 7])], (c, a, b) => tf.where(c!.cast('bool'), a!, b!)),
    one('broadcast', [bits([3, 1]), real([7]), real([])], (c, a, b) => tf.where(c!.cast('bool'), a!, b!)),
    one('integers', [bits([65]), whole([65]), whole([65])], (c, a, b) => tf.where(c!.cast('bool'), a!, b!)),
    one('scalar', [bits([]), real([]), real([])], (c, a, b) => tf.where(c!.cast('bool'), a!, b!)),
  ],

  Sum: [
    ...reduce(tf.sum),
    ...reduce(tf.sum, whole),
    one('bool', [bits([65])], (x) => tf.sum(x!.cast('bool'))),
    // Merged with the product where it is a square.
    ...reduce((x, axis, keep) => tf.sum(tf.square(x), axis, keep)),
    one('of a product', [real([3, 7]), real([3, 7])], (a, b) => tf.sum(a!.mul(b!), -1)),
    one('of a square that is used', [real([3, 7])], (x) => [x!.mul(x!), tf.sum(x!.mul(x!), 0)]),
    one('of a reshaped square', [real([3, 7])], (x) => tf.sum(x!.mul(x!).reshape([7, 3]), 0)),
  ],
  Mean: reduce(tf.mean),
  Max: [...reduce(tf.max), ...reduce(tf.max, whole)],
  Min: [...reduce(tf.min), ...reduce(tf.min, whole)],
  Prod: reduce(tf.prod, (s) => real(s, 0.8, 1.2)),
  ArgMax: arg(tf.argMax),
  ArgMin: arg(tf.argMin),
  Cumsum: [
    one('vector', [real([65])], (x) => tf.cumsum(x!)),
    one('axis 0', [real([3, 7])], (x) => tf.cumsum(x!, 0)),
    one('axis 1, exclusive', [real([3, 7])], (x) => tf.cumsum(x!, 1, true)),
    one('axis 1, reverse', [real([2, 3, 5])], (x) => tf.cumsum(x!, 1, false, true)),
    one('exclusive, reverse', [real([7])], (x) => tf.cumsum(x!, 0, true, true)),
    one('integers', [whole([3, 7])], (x) => tf.cumsum(x!, 1)),
  ],

  Reshape: [
    one('split', [real([6, 7])], (x) => x!.reshape([2, 3, 7])),
    one('inferred', [real([6, 7])], (x) => x!.reshape([3, -1])),
    one('to a scalar', [real([1, 1])], (x) => x!.asScalar()),
    one('of a scalar', [whole([])], (x) => x!.reshape([1, 1])),
    one('between products', [real([4, 6])], (x) =>
      tf
        .matMul(x!.reshape([6, 4]), x!)
        .reshape([3, 12])
        .add(1),
    ),
  ],
  ExpandDims: [
    one('0', [real([3])], (x) => x!.expandDims(0)),
    one('-1', [real([3, 7])], (x) => x!.expandDims(-1)),
    one('-2', [whole([3, 7])], (x) => x!.expandDims(-2).add(tf.scalar(1, 'int32'))),
    one('scalar', [real([])], (x) => x!.expandDims(0)),
  ],
  Transpose: [
    one('matrix', [real([3, 7])], (x) => x!.transpose()),
    one('three axes', [real([2, 3, 7])], (x) => x!.transpose([2, 0, 1])),
    one('five axes', [real([2, 3, 1, 2, 5])], (x) => x!.transpose([0, 2, 3, 1, 4])),
    one('in place', [real([3, 7])], (x) => x!.transpose([0, 1])),
    one('integers', [whole([3, 7])], (x) => x!.transpose([1, 0])),
  ],
  Concat: [
    one('axis 0', [real([3, 7]), real([1, 7])], (...xs) => tf.concat(xs, 0)),
    one('axis -1', [real([3, 1]), real([3, 7]), real([3, 2])], (...xs) => tf.concat(xs, -1)),
    one('one', [real([3])], (x) => tf.concat([x!], 0)),
    one('twelve', [real([1, 2])], (x) =>
      tf.concat(
        Array.from({ length: 12 }, (_, i) => x!.mul(i)),
        0,
      ),
    ),
    one('integers', [whole([3]), whole([2])], (...xs) => tf.concat(xs)),
  ],
  Pack: [
    one('axis 0', [real([3, 7]), real([3, 7])], (...xs) => tf.stack(xs)),
    one('axis 1', [real([3, 7]), real([3, 7])], (...xs) => tf.stack(xs, 1)),
    one('axis -1', [real([3, 7]), real([3, 7])], (...xs) => tf.stack(xs, -1)),
    one('scalars', [whole([]), whole([]), whole([])], (...xs) => tf.stack(xs)),
  ],
  Slice: [
    one('inside', [real([5, 7])], (x) => tf.slice(x!, [1, 2], [3, 4])),
    one('to the end', [real([5, 7])], (x) => tf.slice(x!, [2, 0], [-1, -1])),
    one('leading axis only', [real([5, 7])], (x) => tf.slice(x!, 2, 2)),
    one('whole', [real([5, 7])], (x) => tf.slice(x!, [0, 0], [5, 7])),
    one('integers', [whole([65])], (x) => tf.slice(x!, 64, 1)),
    one('gradient', [real([5, 7])], gradientOf((x) => tf.slice(x, [1, 2], [3, 4])) as never),
  ],
  SplitV: [
    // Sixty small ones, 199,200 numbers, are more than one group holds; a large one stands alone among them.
    one(
      'together: small and large items',
      [...JOINED.map((shape) => real(shape)), ...JOINED.map((shape) => real(shape)), real([])],
      (...tensors) => {
        const [first, second, s] = [tensors.slice(0, JOINED.length), tensors.slice(JOINED.length, -1), tensors.at(-1)!];
        const items = first.map((x, i) => [x, second[i]!]);
        return together(([x, y]) => [x!.mul(y!).add(s), y!.sub(x!)], items).flat();
      },
    ),
    one('halves', [real([3, 8])], (x) => tf.split(x!, 2, -1)),
    one('sizes', [real([3, 7])], (x) => tf.split(x!, [1, 4, 2], 1)),
    one('sizes, one inferred', [real([7, 3])], (x) => tf.split(x!, [2, -1, 1], 0)),
    one('axis -2, integers', [whole([2, 6, 3])], (x) => tf.split(x!, 3, -2)),
  ],
  Tile: [
    one('rows', [real([1, 7])], (x) => tf.tile(x!, [3, 1])),
    one('both', [whole([2, 3])], (x) => tf.tile(x!, [2, 2])),
    one('gradient', [real([2, 3])], gradientOf((x) => tf.tile(x, [2, 3])) as never),
  ],
  PadV2: [
    one('zeros', [real([3, 7])], (x) =>
      tf.pad(x!, [
        [1, 2],
        [0, 1],
      ]),
    ), // prettier-ignore
    one('value', [real([5])], (x) => tf.pad(x!, [[0, 3]], -1.5)),
    one('integers', [whole([2, 2])], (x) =>
      tf.pad(
        x!,
        [
          [1, 0],
          [0, 0],
        ],
        4,
      ),
    ), // prettier-ignore
  ],
  Fill: [
    one('float32', [real([3])], (x) => tf.fill([2, 3], 1.5).add(x!)),
    one('int32', [whole([65])], (x) => tf.fill([65], 3, 'int32').add(x!)),
    one('bool', [bits([3, 7])], (x) => tf.logicalAnd(tf.fill([3, 7], 1, 'bool'), x!.cast('bool'))),
  ],
  ZerosLike: [...unary((x) => tf.zerosLike(x)), ...unary((x) => tf.zerosLike(x), whole)],
  OnesLike: [...unary((x) => tf.onesLike(x)), ...unary((x) => tf.onesLike(x), whole)],
  Range: [
    one('integers', [whole([7])], (x) => tf.range(0, 7, 1, 'int32').add(x!)),
    one('down', [whole([4])], (x) => tf.range(7, -1, -2, 'int32').add(x!)),
    one('halves', [real([5])], (x) => tf.range(0, 2.5, 0.5).add(x!)),
  ],

  BatchMatMul: [
    product([3, 7], [7, 5]),
    product([7, 3], [7, 5], true),
    product([3, 7], [5, 7], false, true),
    product([7, 3], [5, 7], true, true),
    product([1, 1], [1, 1]),
    product([1, 65], [65, 1]),
    product([2, 3, 7], [2, 7, 5]),
    product([2, 7, 3], [2, 7, 5], true),
    product([2, 3, 7], [2, 5, 7], false, true),
    product([2, 7, 3], [2, 5, 7], true, true),
    product([1, 3, 7], [1, 7, 5]),
    product([1, 3, 7], [4, 7, 5]),
    product([4, 3, 7], [1, 5, 7], false, true),
    product([4, 3, 7], [7, 5]),
    product([3, 7], [4, 7, 5]),
    product([2, 3, 5, 7], [2, 3, 5, 7], false, true),
    product([2, 3, 5, 7], [2, 3, 5, 4], true),
  ],
  Softmax: [
    one('and the logarithm, tfjs’ own way', [real([3, 7], -9, 9)], (x) => [tf.softmax(x!), tf.logSoftmax(x!)]),
    one('rows', [real([3, 7], -9, 9)], (x) => tf.softmax(x!)),
    one('vector', [real([65])], (x) => tf.softmax(x!)),
    one('single', [real([3, 1])], (x) => tf.softmax(x!)),
    one('forbidden places', [real([2, 3, 5])], (x) => tf.softmax(x!.sub(tf.tensor([0, 0, 1e9, 0, 1e9])))),
  ],
  GatherV2: [
    one('rows', [real([7, 5]), whole([65], 0, 6)], (x, i) => tf.gather(x!, i!)),
    one('axis 1', [real([3, 7]), whole([4], 0, 6)], (x, i) => tf.gather(x!, i!, 1)),
    one('axis -1, a matrix of places', [real([3, 7]), whole([2, 3], 0, 6)], (x, i) => tf.gather(x!, i!, -1)),
    one('a single place', [real([7, 5]), whole([], 0, 6)], (x, i) => tf.gather(x!, i!)),
    one('integers', [whole([7]), whole([65], 0, 6)], (x, i) => tf.gather(x!, i!)),
  ],
  GatherNd: [
    one('elements', [real([3, 7]), whole([65, 2], 0, 2)], (x, i) => tf.gatherND(x!, i!)),
    one('rows', [real([3, 7]), whole([4, 1], 0, 2)], (x, i) => tf.gatherND(x!, i!)),
    one('a matrix of places', [real([3, 3, 5]), whole([2, 3, 2], 0, 2)], (x, i) => tf.gatherND(x!, i!)),
  ],
  UnsortedSegmentSum: [
    one('gradient of gather', [real([7, 5]), whole([65], 0, 6)], gradientOf((x, i) => tf.gather(x, i!)) as never),
    one(
      'gradient of gather, axis 1',
      [real([3, 7]), whole([65], 0, 6)],
      gradientOf((x, i) => tf.gather(x, i!, 1)) as never,
    ),
    one('one place', [real([65, 3])], (x) => tf.unsortedSegmentSum(x!, tf.zeros([65], 'int32') as tf.Tensor1D, 2)),
    one('empty places', [real([3, 2]), whole([3], 2, 4)], (x, i) => tf.unsortedSegmentSum(x!, i as tf.Tensor1D, 9)),
    one('numbers', [real([65]), whole([65], 0, 6)], (x, i) => tf.unsortedSegmentSum(x!, i as tf.Tensor1D, 7)),
    one('three axes', [real([9, 2, 3]), whole([9], 0, 2)], (x, i) => tf.unsortedSegmentSum(x!, i as tf.Tensor1D, 3)),
  ],
  OneHot: [
    one('vector', [whole([65], 0, 6)], (i) => tf.oneHot(i!, 7)),
    one('outside', [whole([7], -2, 9)], (i) => tf.oneHot(i!, 5)),
    one('values', [whole([2, 3], 0, 4)], (i) => tf.oneHot(i!, 5, 0.9, -0.1)),
    one('float32', [whole([3], 0, 4)], (i) => tf.oneHot(i!, 5, 1, 0, 'float32')),
  ],
  Blockwise: [
    one('two of four', [real([LARGE]), real([LARGE]), real([])], (a, b, s) =>
      blockwise(([x, y]) => [x!.mul(y!).add(s!), tf.sqrt(tf.square(x!).add(1))], [a!, b!]),
    ),
    one('a matrix', [real([1024, 257])], (a) => blockwise(([x]) => [x!.mul(2)], [a!])),
    one('handed through', [real([LARGE]), real([LARGE])], (a, b) => blockwise(([x, y]) => [y!, x!], [a!, b!])),
  ],
};
