import { sizeOf } from '../tensors';
import { operand } from '../trace/graph';
import { axisOf } from '../trace/signatures';
import { i64Array } from './hlo-text';
import { broadcastTo, compare, convert, type Lowerings, reshape, select } from './kernels';
import { reduce } from './kernels-reduce';
import { type Module, scalars, type Value } from './module';

/** Kernels that read or add at computed places. */

const list = (values: readonly number[]) => `[${values.join(', ')}]`;

/**
 * XLA moves a place outside to the nearest one inside, without a word: what is read there becomes NaN (of integers the
 * smallest), so that it shows. Inputs of a run that are such places are checked before, in words (`places.ts`).
 *
 * @param inside [indices' shape], whether each place is one
 * @param axis of the result where the indices' axes begin
 */
function markOutside(m: Module, read: Value, inside: Value, axis: number): Value {
  const wide = inside.shape.map((_, i) => i + axis);
  const mask = m.op('broadcast_in_dim', [inside], 'bool', read.shape, {
    attributes: `broadcast_dimensions = ${i64Array(wide)}`,
  });
  return select(m, mask, read, m.splat(read.type === 'float32' ? Number.NaN : -2_147_483_648, read.type, []));
}

function isInside(m: Module, indices: Value, size: Value): Value {
  const notBelow = compare(m, 'GE', indices, m.splat(0, 'int32', []));
  return m.op('and', [notBelow, compare(m, 'LT', indices, size)], 'bool', notBelow.shape);
}

/**
 * Zero, where devices share a sum known only once `rows` are there: each device's whole sum would else be begun, and held,
 * long before they are, or begun with another sum, which would be gathered for it.
 */
function zeroFor(m: Module, rows: Value): Value {
  const zero = m.splat(0, rows.type, []);
  return m.devices === 1 ? zero : m.ops('optimization_barrier', [zero, rows], [zero, rows])[0]!;
}

/** GatherNd has a vector of `depth` places, GatherV2 a single one for `axis`. */
function gather(
  m: Module,
  x: Value,
  indices: Value,
  shape: readonly number[],
  { axes, offset, vector }: { axes: readonly number[]; offset: readonly number[]; vector: number },
): Value {
  const sizes = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const numbers =
    `offset_dims = ${list(offset)}, collapsed_slice_dims = ${list(axes)}, ` +
    `start_index_map = ${list(axes)}, index_vector_dim = ${vector}`;
  return m.op('gather', [x, indices], x.type, shape, {
    attributes:
      `dimension_numbers = #stablehlo.gather<${numbers}>, indices_are_sorted = false, ` +
      `slice_sizes = ${i64Array(sizes)}`,
  });
}

export const INDEXING: Lowerings = {
  GatherV2: (call) => {
    const m = call.graph;
    const [x, indices] = [operand(call, 'x'), operand(call, 'indices')];
    const { shape } = call.outputs[0]!;
    const axis = axisOf((call.attrs.axis as number | undefined) ?? 0, x.shape.length);
    const rank = indices.shape.length;
    const offset = shape.map((_, i) => i).filter((i) => i < axis || i >= axis + rank);
    // Rows of 16-bit numbers are widened once they are read, not the whole of them before.
    const read = convert(
      m,
      gather(m, x, indices, shape, { axes: [axis], offset, vector: rank }),
      call.outputs[0]!.dtype,
    );
    return markOutside(m, read, isInside(m, indices, m.splat(x.shape[axis]!, 'int32', [])), axis);
  },
  GatherNd: (call) => {
    const m = call.graph;
    const [x, indices] = [operand(call, 'params'), operand(call, 'indices')];
    const { shape } = call.outputs[0]!;
    const rank = indices.shape.length - 1;
    const depth = indices.shape[rank]!;
    const axes = Array.from({ length: depth }, (_, i) => i);
    const offset = shape.map((_, i) => i).slice(rank);
    const read = gather(m, x, indices, shape, { axes, offset, vector: rank });
    const each = isInside(m, indices, m.constant(x.shape.slice(0, depth), 'int32', [depth]));
    const outside = reduce(m, 'add', m.op('convert', [each], 'int32', each.shape), [rank]);
    return markOutside(m, read, compare(m, 'EQ', outside, m.splat(depth, 'int32', [])), 0);
  },
  // The gradient of tf.gather. Repeated places add up; a place outside adds nothing, as in tfjs.
  UnsortedSegmentSum: (call) => {
    const m = call.graph;
    const [x, ids] = [operand(call, 'x'), operand(call, 'segmentIds')];
    const { shape } = call.outputs[0]!;
    const count = sizeOf(ids.shape);
    const size = sizeOf(x.shape.slice(ids.shape.length));
    const [rows, places] = [reshape(m, x, [count, size]), reshape(m, ids, [count])];
    const numbers =
      'update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1';
    const zeros = broadcastTo(m, zeroFor(m, rows), [shape[0]!, size]);
    const sum = m.op('scatter', [zeros, places, rows], x.type, zeros.shape, {
      attributes:
        `indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<${numbers}>, ` +
        'unique_indices = false',
      regions: [{ given: scalars([x.type, x.type]), body: (args) => [m.op('add', args, x.type, [])] }],
    });
    return reshape(m, sum, shape);
  },
  OneHot: (call) => {
    const m = call.graph;
    const indices = operand(call, 'indices');
    const { onValue, offValue } = call.attrs as { onValue: number; offValue: number };
    const { dtype, shape } = call.outputs[0]!;
    const places = m.iota(shape, shape.length - 1);
    const hit = compare(m, 'EQ', reshape(m, indices, [...indices.shape, 1]), places);
    return select(m, hit, m.splat(onValue, dtype, []), m.splat(offValue, dtype, []));
  },
};
