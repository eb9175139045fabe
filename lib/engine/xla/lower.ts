import { lowerNodes, type TracedGraph, type TracedInput, type TracedNode, type TracedValue } from '../trace/graph';
import { convert, ELEMENTWISE, type Lowerings, reshape } from './kernels';
import { ATTENTION } from './kernels-attention';
import { INDEXING } from './kernels-index';
import { LOOPS } from './kernels-loop';
import { PRODUCTS } from './kernels-product';
import { REDUCTIONS } from './kernels-reduce';
import { SHAPES } from './kernels-shape';
import { createModule, type LargeConstant, type Value } from './module';
import type { XlaOptions } from './options';
import { shardAxis } from './sharding';

/** Every kernel that StableHLO has a form for. */
export const XLA_LOWERINGS: Lowerings = {
  ...ELEMENTWISE,
  ...SHAPES,
  ...REDUCTIONS,
  ...INDEXING,
  ...PRODUCTS,
  ...LOOPS,
  ...ATTENTION,
};

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
export function lowerToStableHlo(
  { name, inputs, nodes, outputs }: TracedGraph,
  { precision, devices }: Pick<XlaOptions, 'precision' | 'devices'>,
): LoweredGraph {
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
  const module = createModule(precision, devices);
  const values = new Map<number, Value>();
  for (const { name: input, type, shape, value } of needed) {
    values.set(value.id, module.argument(input, type, shape, shardAxis(input, shape, devices)));
  }
  // 16-bit weights are widened where they are used: of a stack, one layer at a time.
  const seenAs = (value: Value, { shape, dtype }: TracedValue, asStored = false) =>
    reshape(module, asStored ? value : convert(module, value, dtype), shape);
  lowerNodes(kept, XLA_LOWERINGS, module, values, seenAs);
  const text = module.finish(
    name,
    results.map(({ value, ...rest }) => ({ value: seenAs(values.get(value.id)!, value), ...rest })),
  );
  return { text, inputs: needed, constants: module.large, nodeCount: kept.length };
}

/** Autodiff traces more than is asked for (gradients of inputs, say): what the outputs need, and what that reads. */
function reachable(nodes: readonly TracedNode[], outputs: readonly TracedValue[]) {
  const used = new Set(outputs.map(({ id }) => id));
  const kept: TracedNode[] = [];
  const read = ({ inputs, body }: TracedNode): void => {
    for (const value of Object.values(inputs).flat() as TracedValue[]) used.add(value.id);
    for (const { id } of body?.outputs ?? []) used.add(id);
    for (const inner of body?.nodes ?? []) read(inner);
  };
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => used.has(id))) continue;
    read(node);
    kept.push(node);
  }
  return { kept: kept.reverse(), used };
}
