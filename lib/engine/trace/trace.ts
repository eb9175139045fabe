import { variables } from '../gradient';
import { isInFull } from '../precision';
import * as tf from '../tf';
import { backend, TRACE_BACKEND, type TraceTarget } from './backend';
import {
  BLOCKWISE,
  type TracedBody,
  type TracedGraph,
  type TracedInput,
  type TracedNode,
  type TracedSpec,
  type TracedValue,
  type TraceInput,
} from './graph';
import { refuseOtherKernels } from './refusals';
import { SIGNATURES } from './signatures';

export { TRACE_BACKEND, type TraceTarget };

/** tfjs passes lists (Concat, AddN, Pack) as an array or as an object with numbered keys. */
function operandsOf(inputs: object): Record<string, TracedValue | TracedValue[]> {
  const operands: Record<string, TracedValue | TracedValue[]> = {};
  for (const [name, tensor] of Object.entries(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | null>)) {
    if (tensor === undefined || tensor === null) continue;
    operands[name] = Array.isArray(tensor) ? tensor.map((t) => backend.lookup(t)) : backend.lookup(tensor);
  }
  return operands;
}

for (const [kernelName, signature] of Object.entries(SIGNATURES)) {
  tf.registerKernel({
    kernelName,
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs: given }) => {
      const attrs = { ...given, ...(isInFull() ? { inFull: true } : {}) } as Readonly<Record<string, unknown>>;
      const operands = operandsOf(inputs);
      const outputs = signature({ inputs: operands, attrs });
      const values = backend.record({ kernel: kernelName, inputs: operands, attrs }, [outputs].flat());
      return Array.isArray(outputs) ? values.map((v) => backend.keep(v)) : backend.keep(values[0]!);
    },
  });
}

type Blocks = (tensors: tf.Tensor[]) => readonly tf.Tensor[];

tf.registerKernel({
  kernelName: BLOCKWISE,
  backendName: TRACE_BACKEND,
  kernelFunc: ({ inputs, attrs }) => {
    const { fn, block } = attrs as unknown as { fn: Blocks; block: number };
    const operands = Object.values(operandsOf(inputs)) as TracedValue[];
    const body = recordBody(
      operands.map(({ dtype }) => ({ dtype, shape: [block] })),
      fn,
    );
    const outputs = body.outputs.map(({ dtype }) => ({ dtype, shape: operands[0]!.shape }));
    const node = { kernel: BLOCKWISE, inputs: { tensors: operands }, attrs: { block }, body };
    return backend.record(node, outputs).map((v) => backend.keep(v));
  },
});

refuseOtherKernels(TRACE_BACKEND, () => backend.target?.language ?? 'any runtime');

/** Applies `fn` to tensors [N, block] one row at a time, each row as [block]. */
export function runBlockwise(fn: Blocks, tensors: readonly tf.Tensor[], block: number): tf.Tensor[] {
  const inputs = Object.fromEntries(tensors.map((t, i) => [`t${i}`, t]));
  const result = tf.engine().runKernel(BLOCKWISE, inputs as never, { fn, block } as never);
  return [result].flat() as tf.Tensor[];
}

/** Records a node of our own, with lists of operands. */
export function recordNode(
  node: Pick<TracedNode, 'kernel' | 'attrs' | 'body'>,
  operands: Readonly<Record<string, readonly tf.Tensor[]>>,
  outputs: readonly TracedSpec[],
): tf.Tensor[] {
  const inputs = Object.fromEntries(
    Object.entries(operands).map(([name, tensors]) => [name, tensors.map((tensor) => backend.lookup(tensor))]),
  );
  return backend.record({ ...node, inputs }, outputs).map(tensorOf);
}

export const specOf = (tensor: tf.Tensor): TracedSpec => {
  const { dtype, shape } = backend.lookup(tensor);
  return { dtype, shape };
};

/** What a body reads from outside. */
export function outsideOf(body: TracedBody): { readonly hangsOnVariables: boolean } {
  const own = new Set(body.inputs.map(({ id }) => id));
  const outside = new Set<number>();
  const read = (nodes: readonly TracedNode[]): void => {
    for (const node of nodes) {
      for (const { id } of Object.values(node.inputs).flat() as TracedValue[]) if (!own.has(id)) outside.add(id);
      for (const { id } of node.body?.inputs ?? []) own.add(id);
      if (node.body) read(node.body.nodes);
      for (const { id } of node.outputs) own.add(id);
    }
  };
  read(body.nodes);
  for (const { id } of body.outputs) if (!own.has(id)) outside.add(id);
  const tainted = new Set(variables().flatMap((tensor) => backend.values.get(tensor.dataId)?.id ?? []));
  for (const node of backend.nodes) {
    const operands = Object.values(node.inputs).flat() as TracedValue[];
    if (operands.some(({ id }) => tainted.has(id))) for (const { id } of node.outputs) tainted.add(id);
  }
  return { hangsOnVariables: [...outside].some((id) => tainted.has(id)) };
}

export function recordBody(inputs: readonly TracedSpec[], fn: Blocks): TracedBody {
  const outer = backend.nodes;
  backend.nodes = [];
  try {
    const formal = inputs.map((spec) => backend.value(spec));
    const outputs = fn(formal.map(tensorOf)).map((tensor) => backend.lookup(tensor));
    return { inputs: formal, nodes: backend.nodes, outputs };
  } finally {
    backend.nodes = outer;
  }
}

const tensorOf = (value: TracedValue): tf.Tensor => tf.engine().makeTensorFromTensorInfo(backend.keep(value));

export const tracesRecomputing = (): boolean => backend.target?.recomputes ?? false;

export const tracesFusedAttention = (): boolean => backend.target?.fusesAttention ?? false;

export const tracesBlocks = (): boolean => backend.target?.blocks ?? false;

/** While tracing, no tensor has memory to give back, and a gradient may use again what a forward pass made. */
function disposesNothing(): { readonly asBefore: () => void } {
  const engine = tf.engine() as unknown as {
    endScope: (result?: unknown) => void;
    state: { activeScope: { track: { kept: boolean }[] } };
  };
  const { endScope } = engine;
  engine.endScope = (result) => {
    for (const tensor of engine.state.activeScope.track) tensor.kept = true;
    endScope.call(engine, result);
  };
  return {
    asBefore: () => {
      engine.endScope = endScope;
    },
  };
}

/**
 * Runs `fn` once on recording tensors and returns the graph of everything it did.
 *
 * @param inputs the graph's inputs and frozen weights, in order; frozen 16-bit weights arrive as float32
 * @param fn may use tf.* ops and gradients; it must not read values nor draw random numbers
 * @param open sizes that stand for lengths which each run chooses (`open-size.ts`)
 * @throws naming kernel and op when a kernel has no lowering; when randomness or a read is met
 */
export function trace(
  name: string,
  inputs: readonly TraceInput[],
  target: TraceTarget,
  fn: (tensors: Readonly<Record<string, tf.Tensor>>) => Readonly<Record<string, tf.Tensor>>,
  open: readonly number[] = [],
): TracedGraph {
  // Undefined until a backend was first asked for.
  const before = tf.getBackend() ?? 'cpu';
  const engine = tf.engine();
  backend.values = new WeakMap();
  backend.nodes = [];
  backend.target = target;
  engine.startScope(name);
  const dispose = disposesNothing();
  try {
    tf.setBackend(TRACE_BACKEND);
    const declared = inputs.map((input): TracedInput => {
      const dtype = input.type === 'int32' ? 'int32' : 'float32';
      return { ...input, value: backend.value({ dtype, shape: input.shape }) };
    });
    const tensors = Object.fromEntries(declared.map((input) => [input.name, tensorOf(input.value)]));
    const outputs = Object.entries(fn(tensors)).map(([output, tensor]) => ({
      name: output,
      value: backend.lookup(tensor),
    }));
    return { name, inputs: declared, nodes: backend.nodes, outputs, open };
  } finally {
    engine.endScope();
    dispose.asBefore();
    backend.target = undefined;
    tf.setBackend(before);
  }
}
