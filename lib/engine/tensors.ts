import { isOpen } from './open-size';

/** Tensors as the host sees them, and the specs that programs are compiled for. */

export type Dtype = 'float32' | 'int32';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** `data` holds product(shape) numbers, row-major. */
export interface HostTensor extends TensorSpec {
  readonly data: Float32Array | Int32Array;
}

/** A tensor that is read when it is needed: a large model's state is never on the host as a whole. */
export interface TensorSource extends TensorSpec {
  /** The tensor in memory of its own: the reader may keep it and write to it. */
  read(): Promise<HostTensor>;
}

export type TensorSources = Readonly<Record<string, HostTensor | TensorSource>>;

/** The tensor itself. */
export const readSource = async (source: HostTensor | TensorSource): Promise<HostTensor> =>
  'data' in source ? source : source.read();

/** All of them, on the host. */
export async function readSources(sources: TensorSources): Promise<HostTensors> {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, source] of Object.entries(sources)) tensors[name] = await readSource(source);
  return tensors;
}

export type Specs = Readonly<Record<string, TensorSpec>>;
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** A weight that is read but never trained, lying in a file (safetensors): `length` bytes from `offset`. */
export interface FrozenWeight {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'float16' | 'bfloat16';
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Specs of float32 tensors of these shapes. */
export const float32Specs = (shapes: Readonly<Record<string, readonly number[]>>): Specs =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' as const }]));

export function float32(shape: readonly number[], data?: Float32Array): HostTensor {
  return { shape, dtype: 'float32', data: data ?? new Float32Array(sizeOf(shape)) };
}

export function int32(shape: readonly number[], data?: Int32Array): HostTensor {
  return { shape, dtype: 'int32', data: data ?? new Int32Array(sizeOf(shape)) };
}

/**
 * @param open sizes of the spec that stand for any length
 * @throws naming the tensor when shape, type or size is not the spec's
 */
export function checkTensor(
  owner: string,
  name: string,
  spec: TensorSpec,
  tensor: HostTensor | undefined,
  open: readonly number[] = [],
): void {
  const describe = (dtype: Dtype, shape: readonly number[]) =>
    `${dtype} [${shape.map((d, i) => (isOpen(spec.shape[i] ?? 0, open) ? 'any' : d))}]`;
  const wanted = describe(spec.dtype, spec.shape);
  if (!tensor) throw new Error(`${owner}: "${name}" is missing; needs ${wanted}`);
  const given = describe(tensor.dtype, tensor.shape);
  if (wanted !== given) throw new Error(`${owner}: "${name}" must be ${wanted}, got ${given}`);
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    throw new Error(`${owner}: "${name}" of shape [${tensor.shape}] holds ${tensor.data.length} numbers`);
  }
}
