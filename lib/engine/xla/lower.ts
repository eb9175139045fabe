import { lowerNodes, type TracedGraph, type TracedInput, type TracedNode, type TracedValue } from '../trace/graph';
import { convert, ELEMENTWISE, type Lowerings, reshape } from './kernels';
import { INDEXING } from './kernels-index';
import { PRODUCTS } from './kernels-product';
import { REDUCTIONS } from './kernels-reduce';
import { SHAPES } from './kernels-shape';
import { createModule, type LargeConstant, type Value } from './module';

/** Every kernel that StableHLO has a form for. */
export const XLA_LOWERINGS: Lowerings = { ...ELEMENTWISE, ...SHAPES, ...REDUCTIONS, ...INDEXING, ...PRODUCTS };

export interface LoweredGraph {
  readonly text: string;
  /** What the function takes: these inputs of the graph, in order, and then the large constants. */
  readonly inputs: readonly TracedInput[];
  readonly constants: readonly LargeConstant[];
  readonly nodeCount: number;
}

/**
 * A traced graph as the text of a StableHLO module.
 *
 * A result "next.NAME" takes over the memory of the argument "state.NAME".
 */
export function lowerToStableHlo({ name, inputs, nodes, outputs }: TracedGraph): LoweredGraph {
  const results = outputs.map(({ name: output, value }) => ({
    value,
    ...(output.startsWith('next.') ? { takes: `state.${output.slice(5)}` } : {}),
  }));
  const { kept, used } = reachable(
    nodes,
    results.map(({ value }) => value),
  );
  const taken = new Set(results.map(({ takes }) => takes));
  const needed = inputs.filter((input) => used.has(input.value.id) || taken.has(input.name));
  const module = createModule();
  const values = new Map<number, Value>();
  for (const { name: input, type, shape, value } of needed) {
    const stored = module.argument(input, type, shape);
    values.set(value.id, convert(module, stored, type === 'int32' ? 'int32' : 'float32'));
  }
  const seenAs = (value: Value, shape: readonly number[]) => reshape(module, value, shape);
  lowerNodes(kept, XLA_LOWERINGS, module, values, seenAs);
  const text = module.finish(
    name,
    results.map(({ value, ...rest }) => ({ value: seenAs(values.get(value.id)!, value.shape), ...rest })),
  );
  return { text, inputs: needed, constants: module.large, nodeCount: kept.length };
}

/** Autodiff traces more than is asked for (gradients of inputs, say): what the outputs need, and what that reads. */
function reachable(nodes: readonly TracedNode[], outputs: readonly TracedValue[]) {
  const used = new Set(outputs.map(({ id }) => id));
  const kept: TracedNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => used.has(id))) continue;
    for (const value of Object.values(node.inputs).flat() as TracedValue[]) used.add(value.id);
    kept.push(node);
  }
  return { kept: kept.reverse(), used };
}
