import * as tf from '../tf';
import { CONSTANT, type TracedNode, type TracedSpec, type TracedValue } from './graph';
import { refuseKernel, refuseRandomness, unreadable } from './refusals';
import { tracedDtype } from './signatures';

/**
 * A tfjs backend that records instead of computing.
 *
 *     step(tensors) --tf.* ops and autodiff--> kernel calls --signatures--> nodes of one graph
 */
export const TRACE_BACKEND = 'trace';

/** What a trace must know of where the graph will run. */
export interface TraceTarget {
  /** What the graph is written in, for messages. */
  readonly language: string;
  /** The kernels that have a lowering. */
  readonly kernels: Readonly<Record<string, unknown>>;
  /** Work in blocks that stay in a core's cache pays. */
  readonly blocks: boolean;
  /** What the way back can compute again is not kept for it. */
  readonly recomputes?: boolean;
  /** Causal attention is one kernel. */
  readonly fusesAttention?: boolean;
}

export class TraceBackend extends tf.KernelBackend {
  /** Of the present trace only: a tensor kept from an earlier one belongs to another graph. */
  values = new WeakMap<object, TracedValue>();
  nodes: TracedNode[] = [];
  /** Undefined outside `trace`. */
  target: TraceTarget | undefined;
  private created = 0;

  /** A value that is not there yet. */
  value({ dtype, shape }: TracedSpec): TracedValue {
    return { id: ++this.created, dtype, shape: [...shape] };
  }

  /** Records a call. */
  record(node: Omit<TracedNode, 'outputs'>, outputs: readonly TracedSpec[]): readonly TracedValue[] {
    if (!this.target) throw new Error(`engine: the ${TRACE_BACKEND} backend works only inside trace()`);
    if (!Object.hasOwn(this.target.kernels, node.kernel)) throw refuseKernel(node.kernel, this.target.language);
    const values = outputs.map((spec) => this.value(spec));
    this.nodes.push({ ...node, outputs: values });
    return values;
  }

  /** Registers a value as a tfjs tensor's data. */
  keep(value: TracedValue): tf.TensorInfo {
    const dataId = { id: value.id };
    this.values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  lookup(info: tf.TensorInfo): TracedValue {
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
    const spec = { dtype: tracedDtype(dtype), shape };
    const numbers = Array.from(values as ArrayLike<number>, Number);
    const [value] = this.record({ kernel: CONSTANT, inputs: {}, attrs: { values: numbers } }, [spec]);
    return this.keep(value!).dataId;
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

export const backend = new TraceBackend();
tf.registerBackend(TRACE_BACKEND, () => backend, -1);
