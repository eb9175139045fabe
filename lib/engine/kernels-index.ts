import type { Value } from './graph';
import { operand, reshape } from './kernels';
import { filled, type KernelCall, registerLowering } from './trace';

/** Kernels that read or add at computed places. */

const cast64 = (call: KernelCall, x: Value) =>
  call.graph.node('Cast', [x], 'int64', x.shape, { attributes: { to: 7 } });

export function registerIndexing(): void {
  registerLowering('GatherV2', (call) => {
    const x = operand(call, 'x');
    const indices = operand(call, 'indices');
    const { axis = 0, batchDims = 0 } = call.attrs as { axis?: number; batchDims?: number };
    const at = axis < 0 ? axis + x.shape.length : axis;
    if (batchDims !== 0) {
      throw new Error('engine: tf.gather with batchDims has no lowering to ONNX; flatten the batch into the indices');
    }
    const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
    return call.graph.node('Gather', [x, indices], x.type, shape, { attributes: { axis: at } });
  });
  registerLowering('GatherNd', (call) => {
    const params = operand(call, 'params');
    const indices = operand(call, 'indices');
    const depth = indices.shape.at(-1)!;
    const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
    return call.graph.node('GatherND', [params, cast64(call, indices)], params.type, shape);
  });
  // The gradient of tf.gather. Repeated indices add up, in order: ONNX Runtime's ScatterND races on them, its
  // ScatterElements does not.
  registerLowering('UnsortedSegmentSum', (call) => {
    const x = operand(call, 'x');
    const segmentIds = operand(call, 'segmentIds');
    const rows = call.attrs.numSegments as number;
    const count = segmentIds.shape.reduce((a, b) => a * b, 1);
    const width = x.shape.slice(segmentIds.shape.length);
    const size = width.reduce((a, b) => a * b, 1);
    const zeros = filled(call.graph, 0, x.type, [rows, size]);
    const sum = scatterAddRows(call, zeros, segmentIds, reshape(call, x, [count, size]));
    return reshape(call, sum, [rows, ...width]);
  });
  registerLowering('OneHot', (call) => {
    const indices = operand(call, 'indices');
    const { depth, onValue, offValue, dtype } = call.attrs as {
      depth: number;
      onValue: number;
      offValue: number;
      dtype?: string;
    };
    const type = dtype === 'int32' ? 'int32' : 'float32';
    // Equal against a range runs on every device; ONNX's OneHot does not.
    const range = call.graph.constant(
      Array.from({ length: depth }, (_, i) => i),
      'int32',
      [depth],
    );
    const shape = [...indices.shape, depth];
    const hit = call.graph.node('Equal', [reshape(call, indices, [...indices.shape, 1]), range], 'bool', shape);
    const on = call.graph.constant([onValue], type, []);
    const off = call.graph.constant([offValue], type, []);
    return call.graph.node('Where', [hit, on, off], type, shape);
  });
}

/** base[V, C] with rows[N, C] added at indices[N]. */
export function scatterAddRows(call: KernelCall, base: Value, indices: Value, rows: Value): Value {
  const [n, width] = rows.shape as [number, number];
  const column = reshape(call, indices, [n, 1]);
  const shape = call.graph.constant([n, width], 'int64', [2]);
  const places = call.graph.node('Expand', [column, shape], indices.type, [n, width]);
  return call.graph.node('ScatterElements', [base, places, rows], base.type, base.shape, {
    attributes: { axis: 0, reduction: 'add' },
  });
}
