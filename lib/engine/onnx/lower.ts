import { BLOCKWISE, lowerNodes, type TracedGraph, type TracedValue } from '../trace/graph';
import { createGraphBuilder, type OnnxTarget, type Value } from './builder';
import { type Graph, ONNX_TYPE_ID } from './encode';
import { ELEMENTWISE, type Lowerings } from './kernels';
import { INDEXING } from './kernels-index';
import { PRODUCTS } from './kernels-product';
import { SHAPES } from './kernels-shape';

const BLOCKS: Lowerings = {
  [BLOCKWISE]: (call) => {
    const inputs = call.inputs.tensors as readonly Value[];
    const rows = inputs.map(({ type }) => ({ type, shape: [call.attrs.block as number] }));
    const body = call.graph.subgraph('block', rows, call.body!);
    const outputs = body.outputs.map(({ type }) => ({ type, shape: inputs[0]!.shape }));
    return call.graph.nodes('Scan', inputs, outputs, { attributes: { body, num_scan_inputs: inputs.length } });
  },
};

/** Every kernel that ONNX has a form for. */
export const ONNX_LOWERINGS: Lowerings = { ...ELEMENTWISE, ...SHAPES, ...INDEXING, ...PRODUCTS, ...BLOCKS };

/** A traced graph as ONNX nodes, in the order of the trace. */
export function lowerToOnnx({ name, inputs, nodes, outputs, open }: TracedGraph, target: OnnxTarget): Graph {
  const graph = createGraphBuilder(target, open);
  const values = new Map<number, Value>();
  for (const { name: input, type, shape, file, value } of inputs) {
    const stored = file ? graph.frozen(input, { type, shape, data: file }) : graph.input(input, type, shape);
    const half = type === 'float16' || type === 'bfloat16';
    const attributes = { to: ONNX_TYPE_ID.float32 };
    values.set(value.id, half ? graph.node('Cast', [stored], 'float32', shape, { attributes }) : stored);
  }
  const seenAs = (value: Value, { shape }: Pick<TracedValue, 'shape'>): Value =>
    String(value.shape) === String(shape) ? value : { ...value, shape };
  lowerNodes(nodes, ONNX_LOWERINGS, graph, values, seenAs);
  return graph.finish(
    name,
    outputs.map(({ name: output, value }) => ({ name: output, value: seenAs(values.get(value.id)!, value) })),
  );
}
