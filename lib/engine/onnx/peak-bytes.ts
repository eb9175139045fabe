import { namesUsed } from './builder';
import type { Graph } from './encode';

/** Ops whose output is their input's memory under another shape. */
export const VIEWS = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Identity']);

/**
 * The most bytes that values made by a graph's nodes take at once: each from the node that makes it to the last that
 * reads it. Graph inputs and what is made of initializers alone are not counted, nor what a kernel needs while it runs.
 */
export function peakBytes({ nodes: all, outputs, initializers }: Graph): number {
  // What hangs on initializers alone is computed when the program is compiled.
  const constant = new Set(initializers.map(({ name }) => name));
  const nodes = all.filter((node) => {
    const isConstant = namesUsed(node).every((name) => constant.has(name));
    if (isConstant) for (const name of node.outputs) constant.add(name);
    return !isConstant;
  });
  /** The value whose memory a name stands for. */
  const owner = new Map<string, string>();
  const ownerOf = (name: string) => owner.get(name) ?? name;
  for (const { op, inputs, outputs: made } of nodes) if (VIEWS.has(op)) owner.set(made[0]!, ownerOf(inputs[0]!));
  const lastUse = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of namesUsed(node)) lastUse.set(ownerOf(name), i);
  for (const { name } of outputs) lastUse.set(ownerOf(name), nodes.length);
  const dying = new Map<number, number>();
  let alive = 0;
  let peak = 0;
  for (const [i, { op, outputs: made, bytes = [] }] of nodes.entries()) {
    if (!VIEWS.has(op)) {
      for (const [o, name] of made.entries()) {
        const end = lastUse.get(name);
        if (end === undefined) continue;
        alive += bytes[o] ?? 0;
        dying.set(end, (dying.get(end) ?? 0) + (bytes[o] ?? 0));
      }
    }
    peak = Math.max(peak, alive);
    alive -= dying.get(i) ?? 0;
  }
  return peak;
}
