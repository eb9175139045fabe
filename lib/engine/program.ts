import type { DeviceState } from './state';
import {
  checkTensor,
  type FrozenWeight,
  type HostTensor,
  type HostTensors,
  type Specs,
  type TensorSource,
} from './tensors';
import type * as tf from './tf';

export type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * What a program computes, in tf.* ops and tfjs autodiff. It must be pure: same arguments, same result.
 * `state` in the result replaces the state tensors of those names.
 */
export type Step = (given: { readonly inputs: Tensors; readonly state: Tensors; readonly frozen: Tensors }) => {
  readonly outputs: Tensors;
  readonly state?: Tensors;
};

export interface ProgramSpec {
  readonly name: string;
  readonly inputs: Specs;
  readonly state: Specs;
  readonly frozen?: Readonly<Record<string, FrozenWeight>>;
  /** Sizes in the inputs' shapes that stand for lengths which each run chooses (`openSizes`); none in state or frozen. */
  readonly open?: readonly number[];
  /** Reads a frozen weight into the host: only the eager device `tfjs` needs it. */
  readonly readFrozen?: (weight: FrozenWeight) => Promise<HostTensor>;
}

export interface Program {
  readonly name: string;
  /** Nodes of the compiled graph; 0 when it runs eagerly. */
  readonly nodeCount: number;
  /** One run: reads and replaces `state`, returns the outputs on the host. After a failure `state` is undefined. */
  run(inputs: HostTensors, state: DeviceState): Promise<HostTensors>;
  dispose(): Promise<void>;
}

/** A tensor in the form of the runtime that holds it. */
export type Held = object;

/** State whose layers lie stacked, a layer at a time. */
export interface HeldStacks {
  /** @param name the stack's */
  make(name: string, layers: readonly (HostTensor | TensorSource)[]): Promise<Held>;
  read(held: Held, layer: number): Promise<Float32Array | Int32Array>;
  /** @returns what is held from now on, in the place of the given one */
  write(held: Held, layer: number, tensor: HostTensor): Promise<Held>;
}

/** What runs programs on one device. */
export interface Runtime {
  /** Where layers of one shape lie stacked and are looped over (`layers.ts`). */
  readonly stacks?: HeldStacks;
  compile(step: Step, spec: ProgramSpec): Promise<Program>;
  /** What a run will hold at once beside inputs, state and frozen weights, in bytes; nothing is compiled. */
  workingBytes(step: Step, spec: ProgramSpec): number;
  /**
   * @param tensor given away: where the device's memory is the host's, it is what is held and written
   * @param name the state's, by which devices that share it split it
   */
  upload(tensor: HostTensor, name: string): Promise<Held>;
  /** A copy on the host. */
  download(held: Held): Promise<Float32Array | Int32Array>;
  release(held: Held): void;
  /** What it runs on, where the runtime knows: its first device. */
  hardware?(): Hardware;
}

export interface Hardware {
  /** As its maker calls it. */
  readonly kind: string;
  /** The driver or library below, in its own words. */
  readonly version: string;
  readonly count: number;
  /** Bytes in use, at their peak, and in all; undefined where it does not count them. */
  readonly memory: { readonly inUse: number; readonly peak?: number; readonly limit?: number } | undefined;
}

/** @throws naming an input that is missing or not as the program was compiled for */
export function checkInputs(spec: ProgramSpec, inputs: HostTensors): void {
  for (const [name, expected] of Object.entries(spec.inputs)) {
    checkTensor(`engine: ${spec.name}: input`, name, expected, inputs[name], spec.open);
  }
}

/** @throws naming a state tensor that is missing or not as the program was compiled for */
export function checkState(spec: ProgramSpec, state: DeviceState): void {
  for (const [name, expected] of Object.entries(spec.state)) {
    if (!state.slots.has(name))
      throw new Error(`engine: ${spec.name} needs state "${name}", which the given state lacks`);
    const { dtype, shape } = state.slots.get(name)!.spec;
    if (dtype !== expected.dtype || String(shape) !== String(expected.shape)) {
      throw new Error(
        `engine: ${spec.name} needs state "${name}" as ${expected.dtype} [${expected.shape}], the given one is ${dtype} [${shape}]`,
      );
    }
  }
}

/** A tensor that would replace a state tensor must be like it. */
export function checkUpdate(spec: ProgramSpec, name: string, tensor: tf.Tensor): void {
  const { dtype, shape } = spec.state[name] ?? { dtype: 'none', shape: 'none' };
  if (dtype !== tensor.dtype || String(shape) !== String(tensor.shape)) {
    throw new Error(
      `engine: ${spec.name} replaces state "${name}", ${dtype} [${shape}], by ${tensor.dtype} [${tensor.shape}]`,
    );
  }
}
