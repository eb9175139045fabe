import { namesUsed } from './builder';
import type { Graph, Node } from './encode';
import { VIEWS } from './peak-bytes';

/** Ops that read a place of an input before they write the same place of their output, and never read it again. */
const PLACE_BY_PLACE = new Set(['Add', 'Sub', 'Mul', 'Div']);

/** An input of a graph, and the output of the same size that takes its place afterwards. */
export interface Replacement {
  readonly input: string;
  readonly output: string;
}

/** A node that reads a value's memory, and the name under which it does. */
interface Read {
  readonly node: number;
  readonly name: string;
}

/**
 * The replacements whose output may be written into the input's own memory: all that reads the input has run by then.
 * ONNX Runtime chooses the order of nodes; certain to run before a node is only what it is computed from.
 */
export function writableInPlace(
  { nodes }: Pick<Graph, 'nodes'>,
  replacements: readonly Replacement[],
): ReadonlySet<Replacement> {
  const makers = new Map(nodes.flatMap((node, i) => node.outputs.map((name) => [name, i] as const)));
  const readers = new Map<string, number[]>();
  for (const [i, node] of nodes.entries()) {
    for (const name of new Set(namesUsed(node))) readers.set(name, [...(readers.get(name) ?? []), i]);
  }
  const readsOf = (name: string): Read[] =>
    (readers.get(name) ?? []).flatMap((node) => {
      const { op, outputs } = nodes[node]!;
      return [{ node, name }, ...(VIEWS.has(op) ? readsOf(outputs[0]!) : [])];
    });
  const parents = nodes.map((node) => namesUsed(node).flatMap((name) => makers.get(name) ?? []));
  /** 1 for each node that this one is computed from. */
  const computedFrom = (node: number): Uint8Array => {
    const found = new Uint8Array(nodes.length);
    const open = [node];
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      for (const parent of parents[i]!) {
        if (found[parent] === 0) open.push(parent);
        found[parent] = 1;
      }
    }
    return found;
  };
  // Small tensors are updated together: many outputs are made by one node.
  const known = new Map<number, Uint8Array>();
  return new Set(
    replacements.filter(({ input, output }) => {
      const last = makers.get(output);
      if (last === undefined || VIEWS.has(nodes[last]!.op)) return false;
      const before = known.get(last) ?? computedFrom(last);
      known.set(last, before);
      return readsOf(input).every(({ node, name }) =>
        node === last ? readsBeforeItWrites(nodes[last]!, name, output) : before[node] === 1,
      );
    }),
  );
}

function readsBeforeItWrites(node: Node, input: string, output: string): boolean {
  if (PLACE_BY_PLACE.has(node.op)) return true;
  const { body } = node.attributes;
  // A Scan's step reads a slice and writes the slice of the same place.
  if (node.op !== 'Scan' || typeof body !== 'object' || !('nodes' in body)) return false;
  const at = node.inputs.indexOf(input);
  if (node.inputs.lastIndexOf(input) !== at || body.nodes.some((inner) => namesUsed(inner).includes(input)))
    return false;
  const slices = { input: body.inputs[at]!.name, output: body.outputs[node.outputs.indexOf(output)]!.name };
  return writableInPlace(body, [slices]).size === 1;
}
