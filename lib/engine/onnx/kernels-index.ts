import { operand } from '../trace/graph';
import { axisOf } from '../trace/signatures';
import type { Value } from './builder';
import { filled, type KernelCall, type Lowerings, node, reshape } from './kernels';

/** Kernels that read or add at computed places. */

const cast64 = (call: KernelCall, x: Value) =>
  call.graph.node('Cast', [x], 'int64', x.shape, { attributes: { to: 7 } });

export const INDEXING: Lowerings = {
  GatherV2: (call) => {
    const x = operand(call, 'x');
    const axis = axisOf((call.attrs.axis as number | undefined) ?? 0, x.shape.length);
    return node(call, 'Gather', [x, operand(call, 'indices')], { axis });
  },
  GatherNd: (call) => node(call, 'GatherND', [operand(call, 'params'), cast64(call, operand(call, 'indices'))]),
  // The gradient of tf.gather. Repeated indices add up, in order: ONNX Runtime's ScatterND races on them, its
  // ScatterElements does not.
  UnsortedSegmentSum: (call) => {
    const x = operand(call, 'x');
    const segmentIds = operand(call, 'segmentIds');
    const { shape } = call.outputs[0]!;
    const count = segmentIds.shape.reduce((a, b) => a * b, 1);
    const size = x.shape.slice(segmentIds.shape.length).reduce((a, b) => a * b, 1);
    const zeros = filled(call.graph, 0, x.type, [shape[0]!, size]);
    const sum = scatterAddRows(call, zeros, segmentIds, reshape(call, x, [count, size]));
    return reshape(call, sum, shape);
  },
  OneHot: (call) => {
    const indices = operand(call, 'indices');
    const { depth, onValue, offValue } = call.attrs as { depth: number; onValue: number; offValue: number };
    const { dtype, shape } = call.outputs[0]!;
    // Equal against a range runs on every device; ONNX's OneHot does not.
    const range = call.graph.constant(
      Array.from({ length: depth }, (_, i) => i),
      'int32',
      [depth],
    );
    const hit = call.graph.node('Equal', [reshape(call, indices, [...indices.shape, 1]), range], 'bool', shape);
    const on = call.graph.constant([onValue], dtype, []);
    const off = call.graph.constant([offValue], dtype, []);
    return node(call, 'Where', [hit, on, off]);
  },
};

/** base[V, C] with rows[N, C] added at indices[N]. */
function scatterAddRows(call: KernelCall, base: Value, indices: Value, rows: Value): Value {
  const [n, width] = rows.shape as [number, number];
  const column = reshape(call, indices, [n, 1]);
  const shape = call.graph.constant([n, width], 'int64', [2]);
  const places = call.graph.node('Expand', [column, shape], indices.type, [n, width]);
  return call.graph.node('ScatterElements', [base, places, rows], base.type, base.shape, {
    attributes: { axis: 0, reduction: 'add' },
  });
}
