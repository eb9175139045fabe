import type { HostTensor, HostTensors } from '../tensors';
import type { TracedGraph, TracedValue } from '../trace/graph';

/** Kernels whose numbers are their operand's own, in another form. */
const MOVES: Readonly<Record<string, string>> = {
  Reshape: 'x',
  ExpandDims: 'input',
  Transpose: 'x',
  Slice: 'x',
  Identity: 'x',
  SplitV: 'x',
};

/** The inputs of a run that say where to read, with how many places there are. */
export function placesAsked({ inputs, nodes }: TracedGraph): ReadonlyMap<string, number> {
  const origin = new Map(inputs.map(({ name, value }) => [value.id, name]));
  const limits = new Map<string, number>();
  for (const { kernel, inputs: given, attrs, outputs } of nodes) {
    const moved = given[MOVES[kernel] ?? ''] as TracedValue | undefined;
    const from = moved && origin.get(moved.id);
    if (from !== undefined) for (const { id } of outputs) origin.set(id, from);
    if (kernel !== 'GatherV2') continue;
    const { x, indices } = given as Record<string, TracedValue>;
    const name = origin.get(indices!.id);
    if (!name?.startsWith('in.')) continue;
    const size = x!.shape.at((attrs.axis as number | undefined) ?? 0)!;
    limits.set(name.slice(3), Math.min(size, limits.get(name.slice(3)) ?? size));
  }
  return limits;
}

/** @throws naming an input that asks for a place which is not there: XLA would read another one */
export function checkPlaces(program: string, limits: ReadonlyMap<string, number>, inputs: HostTensors): void {
  for (const [name, limit] of limits) {
    const { data } = inputs[name] as HostTensor;
    const at = data.findIndex((place: number) => !(place >= 0 && place < limit));
    if (at < 0) continue;
    throw new Error(
      `engine: ${program}: input: "${name}" holds ${data[at]} at number ${at}; it says where to read and must be from 0 to ${limit - 1}`,
    );
  }
}
