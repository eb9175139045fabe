import { createGraphBuilder, type GraphBuilder, type Value } from './graph';
import type { Graph, OnnxType } from './onnx';
import { refuseRandomness, unreadable } from './refusals';
import * as tf from './tf';

/**
 * A tfjs backend that records instead of computing: each kernel call becomes ONNX nodes.
 *
 *     step(tensors) --tf.* ops and autodiff--> kernel calls --lowerings--> nodes of one graph
 */
export const TRACE_BACKEND = 'onnx-trace';

export type TraceDtype = 'float32' | 'int32' | 'bool';

export interface KernelCall {
  readonly inputs: Readonly<Record<string, Value | readonly Value[]>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly graph: GraphBuilder;
  readonly target: TraceTarget;
}

/** What a device's operators allow; what they don't, a GPU would hand back to the CPU in the middle of a step. */
export interface TraceTarget {
  readonly fusedMatMul: boolean;
  readonly integerMod: boolean;
  /** Scan, for work in blocks that stay in a core's cache. */
  readonly blocks: boolean;
}

export type Lowering = (call: KernelCall) => Value | readonly Value[];

class TraceBackend extends tf.KernelBackend {
  /** Of the present trace only: a tensor kept from an earlier one belongs to another graph. */
  values = new WeakMap<object, Value>();
  graph: GraphBuilder | undefined;
  target: TraceTarget = { fusedMatMul: true, integerMod: true, blocks: true };
  private created = 0;

  current(): GraphBuilder {
    if (!this.graph) throw new Error(`engine: the ${TRACE_BACKEND} backend works only inside trace()`);
    return this.graph;
  }

  /** Registers a value as a tfjs tensor's data. */
  keep(value: Value): tf.TensorInfo {
    const dataId = { id: ++this.created };
    this.values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: traceDtype(value.type) };
  }

  lookup(info: tf.TensorInfo): Value {
    const value = this.values.get(info.dataId);
    if (!value) {
      throw new Error(
        'engine: a tensor made outside the traced function was used inside it; pass it as an input, state or frozen weight',
      );
    }
    // tfjs shares one dataId among reshapes and casts; the tensor's own shape is what counts.
    return String(value.shape) === String(info.shape) ? value : { ...value, shape: info.shape };
  }

  /** tf.scalar, tf.tensor, tf.zeros, tf.ones inside a traced function: constants of the graph. */
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    refuseRandomness();
    const type = onnxType(dtype);
    const numbers = Array.from(values as ArrayLike<number>, Number);
    const uniform = numbers.length > 16 && numbers.every((v) => v === numbers[0]);
    const graph = this.current();
    const value = uniform ? filled(graph, numbers[0]!, type, shape) : graph.constant(numbers, type, shape);
    return this.keep(value).dataId;
  }

  override read(): Promise<never> {
    return Promise.reject(unreadable());
  }
  override readSync(): never {
    throw unreadable();
  }
  override numDataIds(): number {
    return this.created;
  }
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {}
  decRef(): void {}
  override refCount(): number {
    return 1;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override memory() {
    return { unreliable: true, reasons: ['tracing holds no data'] } as never;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {}
}

const backend = new TraceBackend();
tf.registerBackend(TRACE_BACKEND, () => backend, -1);

/** A tensor of one repeated value, stored as a scalar. */
export function filled(graph: GraphBuilder, value: number, type: OnnxType, shape: readonly number[]): Value {
  const scalar = graph.constant([value], type, []);
  return graph.node('Expand', [scalar, graph.constant(shape, 'int64', [shape.length])], type, shape);
}

/** Registers how a tfjs kernel is written in ONNX. */
export function registerLowering(kernelName: string, lowering: Lowering): void {
  tf.registerKernel({
    kernelName,
    backendName: TRACE_BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const operands: Record<string, Value | Value[]> = {};
      for (const [name, tensor] of Object.entries(inputs)) {
        // tfjs passes lists (Concat, AddN, Pack) as an array or as an object with numbered keys.
        if (tensor === undefined || tensor === null) continue;
        const list = tensor as unknown;
        operands[name] = Array.isArray(list) ? list.map((t) => backend.lookup(t)) : backend.lookup(tensor);
      }
      const result = lowering({
        inputs: operands,
        attrs: (attrs ?? {}) as Readonly<Record<string, unknown>>,
        graph: backend.current(),
        target: backend.target,
      });
      return 'name' in result ? backend.keep(result) : result.map((v) => backend.keep(v));
    },
  });
}

export function isTracing(): boolean {
  return backend.graph !== undefined;
}

export function traceTarget(): TraceTarget {
  return backend.target;
}

/** Calls a kernel of our own that only the tracing backend has. */
export function runTraceKernel(name: string, inputs: Record<string, tf.Tensor>, attrs: Record<string, unknown>) {
  return tf.engine().runKernel(name, inputs as never, attrs as never) as tf.Tensor | tf.Tensor[];
}

export interface TraceInput {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
  /** Set for a frozen weight: where its bytes lie. */
  readonly file?: { readonly file: string; readonly offset: number; readonly length: number };
}

/**
 * Runs `fn` once on recording tensors and returns the graph of everything it did.
 *
 * @param inputs the graph's inputs and frozen weights, in order; frozen 16-bit weights arrive as float32
 * @param fn may use tf.* ops and gradients; it must not read values nor draw random numbers
 * @throws naming kernel and op when a kernel has no lowering; when randomness or a read is met
 */
export function trace(
  name: string,
  inputs: readonly TraceInput[],
  target: TraceTarget,
  fn: (tensors: Readonly<Record<string, tf.Tensor>>) => Readonly<Record<string, tf.Tensor>>,
): Graph {
  // Undefined until a backend was first asked for.
  const before = tf.getBackend() ?? 'cpu';
  const graph = createGraphBuilder();
  const engine = tf.engine();
  backend.graph = graph;
  backend.values = new WeakMap();
  backend.target = target;
  engine.startScope(name);
  try {
    tf.setBackend(TRACE_BACKEND);
    const tensors: Record<string, tf.Tensor> = {};
    for (const input of inputs) {
      const value = input.file
        ? graph.frozen(input.name, { type: input.type, shape: input.shape, data: input.file })
        : graph.input(input.name, input.type, input.shape);
      const half = input.type === 'float16' || input.type === 'bfloat16';
      const float = half ? graph.node('Cast', [value], 'float32', input.shape, { attributes: { to: 1 } }) : value;
      tensors[input.name] = tensorOf(float);
    }
    const outputs = Object.entries(fn(tensors)).map(([output, tensor]) => ({
      name: output,
      value: tracedValue(tensor),
    }));
    return graph.finish(name, outputs);
  } finally {
    engine.endScope();
    backend.graph = undefined;
    tf.setBackend(before);
  }
}

/** The tfjs tensor that stands for a value of the graph, and back. */
export function tensorOf(value: Value): tf.Tensor {
  const info = backend.keep(value);
  return tf.engine().makeTensorFromTensorInfo(info);
}
export function tracedValue(tensor: tf.Tensor): Value {
  return backend.lookup(tensor);
}

/** Traces `body` into a sub-graph (for Scan). */
export function traceSubgraph(
  name: string,
  inputs: readonly Omit<Value, 'name'>[],
  body: (tensors: tf.Tensor[]) => readonly tf.Tensor[],
): Graph {
  return backend.current().subgraph(name, inputs, (values) => body(values.map(tensorOf)).map(tracedValue));
}

export function onnxType(dtype: tf.DataType): TraceDtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`engine: tensors of type ${dtype} cannot be traced; use float32, int32 or bool`);
}

function traceDtype(type: OnnxType): TraceDtype {
  if (type === 'int64') return 'int32';
  if (type === 'float16' || type === 'bfloat16') return 'float32';
  return type;
}
