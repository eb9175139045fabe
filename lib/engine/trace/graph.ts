/**
 * What a step does, as tfjs said it: kernel after kernel, with the shapes and types of what each gives. It belongs to no
 * runtime; each has a lowering that reads it (`onnx/lower.ts`, `xla/lower.ts`).
 *
 *     inputs [tokens, state.w] -> nodes [GatherV2, BatchMatMul, Sum] -> outputs [out.loss, next.w]
 */
export interface TracedGraph {
  readonly name: string;
  readonly inputs: readonly TracedInput[];
  /** In the order of the calls: a node reads inputs and what nodes before it made. */
  readonly nodes: readonly TracedNode[];
  readonly outputs: readonly { readonly name: string; readonly value: TracedValue }[];
  /** Sizes that stand for lengths which each run chooses (`open-size.ts`). */
  readonly open: readonly number[];
}

export type TracedDtype = 'float32' | 'int32' | 'bool';

/** A tensor of the step. Values of one id hold the same numbers; tfjs may look at them in another shape. */
export interface TracedValue extends TracedSpec {
  readonly id: number;
}

export interface TracedSpec {
  readonly dtype: TracedDtype;
  readonly shape: readonly number[];
}

/** An input of a run, a state tensor or a frozen weight. */
export interface TraceInput {
  readonly name: string;
  /** As it is stored: 16-bit numbers arrive in the step as float32. */
  readonly type: 'float32' | 'int32' | 'float16' | 'bfloat16';
  readonly shape: readonly number[];
  /** Set for a frozen weight: where its bytes lie. */
  readonly file?: { readonly file: string; readonly offset: number; readonly length: number };
}

export interface TracedInput extends TraceInput {
  readonly value: TracedValue;
}

export type Operands = Readonly<Record<string, TracedValue | readonly TracedValue[]>>;

export interface TracedNode {
  /** tfjs' name of the kernel, or one of our own: `CONSTANT`, `BLOCKWISE`. */
  readonly kernel: string;
  /** Under tfjs' names. */
  readonly inputs: Operands;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly TracedValue[];
  readonly body?: TracedBody;
}

/** The steps that a node repeats, a block or a layer at a time; they may read values from outside. */
export interface TracedBody {
  readonly inputs: readonly TracedValue[];
  readonly nodes: readonly TracedNode[];
  readonly outputs: readonly TracedValue[];
}

/** Numbers written in the step itself; attribute `values`. */
export const CONSTANT = 'Constant';
/** Attributes `block` and `body`: elementwise work on operands [N, block], row after row. */
export const BLOCKWISE = 'Blockwise';
/** Inputs `state`, `kept` and `stacks`, attributes `from` and `to`: a layer over stacked weights (`loop.ts`). */
export const LAYER_LOOP = 'LayerLoop';
/** The way back through it; attribute `trained`. */
export const LAYER_LOOP_GRADIENT = 'LayerLoopGradient';
/** Gives its operands as they are, and hides from the compiler what they are: see `afresh`. */
export const FENCE = 'Fence';
/** Causal attention as one kernel, and the way back through it: `fused-attention.ts`. */
export const FUSED_ATTENTION = 'FusedAttention';
export const FUSED_ATTENTION_GRADIENT = 'FusedAttentionGradient';

/** What a kernel's lowering is given: `graph` is what the runtime's form is built with. */
export interface KernelCall<Value, Graph> {
  readonly inputs: Readonly<Record<string, Value | readonly Value[]>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** What the kernel gives. */
  readonly outputs: readonly TracedSpec[];
  readonly graph: Graph;
  /** Of a node with a body: lowers it for such inputs. */
  readonly body?: (inputs: readonly Value[]) => readonly Value[];
}

/** Operands of loops and fences that are handed on as they are stored, 16-bit numbers as such: a layer at a time is widened. */
const AS_STORED = new Set(['kept', 'stacks']);

/** Kernels that move numbers and do not count with them: they take 16-bit ones as such too. */
const MOVES = new Set(['GatherV2', 'SplitV', 'Slice', 'Reshape', 'Transpose', 'Identity']);

/** How a runtime writes one kernel: a value, or one for each output. */
export type Lowering<Value, Graph> = (call: KernelCall<Value, Graph>) => Value | readonly Value[];
export type Lowerings<Value, Graph> = Readonly<Record<string, Lowering<Value, Graph>>>;

/**
 * Lowers nodes one after the other.
 *
 * @param values what the graph's inputs are in the runtime's form, by id; the nodes' values are added
 * @param seenAs the same value in the traced shape and type; with `asStored`, in the shape alone
 */
export function lowerNodes<Value extends object, Graph>(
  nodes: readonly TracedNode[],
  table: Lowerings<Value, Graph>,
  graph: Graph,
  values: Map<number, Value>,
  seenAs: (value: Value, traced: TracedValue, asStored?: boolean) => Value,
): void {
  const operand = (traced: TracedValue): Value => seenAs(values.get(traced.id)!, traced);
  const moved = (traced: TracedValue): Value => seenAs(values.get(traced.id)!, traced, true);
  for (const node of nodes) {
    const inputs = Object.fromEntries(
      Object.entries(node.inputs).map(([name, given]) => [
        name,
        'id' in given
          ? MOVES.has(node.kernel)
            ? moved(given)
            : operand(given)
          : given.map(AS_STORED.has(name) ? moved : operand),
      ]),
    );
    const { attrs, outputs, body } = node;
    const lowerBody = (given: readonly Value[]): readonly Value[] => {
      for (const [i, input] of body!.inputs.entries()) values.set(input.id, given[i]!);
      lowerNodes(body!.nodes, table, graph, values, seenAs);
      return body!.outputs.map(operand);
    };
    const result = table[node.kernel]!({ inputs, attrs, outputs, graph, ...(body ? { body: lowerBody } : {}) });
    const made = Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
    for (const [i, output] of outputs.entries()) values.set(output.id, made[i]!);
  }
}

/** One operand, named as tfjs names it. */
export function operand<Value extends object, Graph>(call: KernelCall<Value, Graph>, name: string): Value {
  const value = call.inputs[name];
  if (value === undefined || Array.isArray(value)) throw new Error(`engine: kernel input ${name} is missing`);
  return value as Value;
}

/** A list of operands (Concat, AddN, Pack), in order. */
export const operands = <Value extends object, Graph>(call: KernelCall<Value, Graph>): Value[] =>
  Object.values(call.inputs).flat() as Value[];
