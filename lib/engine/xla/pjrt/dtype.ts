/** Element types of device buffers, with PJRT's number and the typed array that carries them on the host. */

type HostArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

interface DtypeEntry {
  /** PJRT_Buffer_Type */
  readonly id: number;
  /** bfloat16 and float16 lie as their raw 16 bits in a Uint16Array, bool as one byte each. */
  readonly array: new (
    buffer: ArrayBuffer,
  ) => HostArray;
  /** As StableHLO writes it. */
  readonly mlir: string;
}

const DTYPES = {
  bool: { id: 1, array: Uint8Array, mlir: 'i1' },
  int8: { id: 2, array: Int8Array, mlir: 'i8' },
  int32: { id: 4, array: Int32Array, mlir: 'i32' },
  int64: { id: 5, array: BigInt64Array, mlir: 'i64' },
  uint8: { id: 6, array: Uint8Array, mlir: 'ui8' },
  uint16: { id: 7, array: Uint16Array, mlir: 'ui16' },
  uint32: { id: 8, array: Uint32Array, mlir: 'ui32' },
  float16: { id: 10, array: Uint16Array, mlir: 'f16' },
  float32: { id: 11, array: Float32Array, mlir: 'f32' },
  float64: { id: 12, array: Float64Array, mlir: 'f64' },
  bfloat16: { id: 13, array: Uint16Array, mlir: 'bf16' },
} as const satisfies Readonly<Record<string, DtypeEntry>>;

export type DeviceDtype = keyof typeof DTYPES;
export type { HostArray };

export const dtypeEntry = (dtype: DeviceDtype): DtypeEntry & { readonly bytes: number } => {
  const entry: DtypeEntry | undefined = Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined;
  if (!entry) throw new Error(`xla: unknown element type "${dtype}"; use one of ${Object.keys(DTYPES).join(', ')}`);
  return { ...entry, bytes: (entry.array as unknown as typeof Uint8Array).BYTES_PER_ELEMENT };
};

const BY_ID = new Map<number, DeviceDtype>(
  (Object.entries(DTYPES) as [DeviceDtype, DtypeEntry][]).map(([name, { id }]) => [id, name]),
);

/** @throws for a type that no program of this library has */
export function dtypeOfId(id: number): DeviceDtype {
  const dtype = BY_ID.get(id);
  if (!dtype)
    throw new Error(
      `xla: the program has a tensor of PJRT’s element type ${id}; use one of ${[...BY_ID.values()].join(', ')}`,
    );
  return dtype;
}

/** Elements of a shape; 1 for a scalar's []. */
export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1);

/** As messages and StableHLO write a type: `2x3xf32`, `f32` for a scalar. */
export const typeText = (dtype: DeviceDtype, shape: readonly number[]): string =>
  [...shape, dtypeEntry(dtype).mlir].join('x');
