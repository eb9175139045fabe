import koffi from 'koffi';
import { FUNCTION_TABLE, type FunctionName, type Layout, NAMED_VALUE, STRUCTS, TABLE_HEAD } from './abi';

/** Calls of a plug-in's functions: structs filled and read, errors as errors. */

/** absl::StatusCode */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type PjrtCode = (typeof CODES)[number];

/** What a plug-in answered instead of a result. */
export class PjrtError extends Error {
  /** @param detail the plug-in's own words */
  constructor(
    readonly call: FunctionName,
    readonly code: PjrtCode,
    readonly detail: string,
  ) {
    super(`xla: PJRT_${call} answered ${code}: ${detail}`);
  }
}

type FieldValue = number | bigint | boolean | ArrayBufferView;
export type FieldValues = Readonly<Record<string, FieldValue>>;

/** Memory -> what it holds only the addresses of: neither is collected before the other. */
const heldBy = new WeakMap<ArrayBufferView, unknown>();

/** An array of the addresses of others. */
export function addressesOf(arrays: readonly ArrayBufferView[]): BigUint64Array {
  const addresses = pointers(arrays.map((array) => koffi.address(array)));
  heldBy.set(addresses, arrays);
  return addresses;
}

/** Room for pointers; never empty, for C gets its address. */
export const pointers = (values: readonly bigint[]): BigUint64Array =>
  BigUint64Array.from(values.length ? values : [0n]);

/** A filled struct in memory that C sees. */
export class Struct {
  readonly memory: Buffer;

  constructor(
    readonly layout: Layout,
    values: FieldValues,
  ) {
    this.memory = Buffer.alloc(layout.bytes);
    heldBy.set(this.memory, values);
    this.set('struct_size', layout.structSize);
    for (const [name, value] of Object.entries(values)) this.set(name, value);
  }

  private field(name: string) {
    const field = this.layout.fields.get(name);
    if (!field) throw new Error(`xla: no field ${name} among ${[...this.layout.fields.keys()].join(', ')}`);
    return field;
  }

  private set(name: string, value: FieldValue): void {
    const { offset, width } = this.field(name);
    const number = typeof value === 'object' ? koffi.address(value) : BigInt(value);
    if (width === 'p') this.memory.writeBigUInt64LE(BigInt.asUintN(64, number), offset);
    else if (width === 'i') this.memory.writeInt32LE(Number(number), offset);
    else this.memory.writeUInt8(Number(number), offset);
  }

  pointer(name: string): bigint {
    return this.memory.readBigUInt64LE(this.field(name).offset);
  }

  number(name: string): number {
    const { offset, width } = this.field(name);
    if (width === 'p') return Number(this.memory.readBigInt64LE(offset));
    return width === 'i' ? this.memory.readInt32LE(offset) : this.memory.readUInt8(offset);
  }

  /** The text that `name` points to, `${name}_size` bytes long. */
  text(name: string): string {
    return copyMemory(this.pointer(name), this.number(`${name}_size`)).toString();
  }
}

/** A copy of memory that the plug-in owns. */
export const copyMemory = (address: bigint, bytes: number): Buffer =>
  bytes === 0 ? Buffer.alloc(0) : Buffer.from(Buffer.from(koffi.view(address, bytes)));

export const copyPointers = (address: bigint, count: number): readonly bigint[] => {
  const bytes = copyMemory(address, 8 * count);
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(8 * i));
};

const FUNCTION = koffi.proto('void *PjrtFunction(void *)');

type Native = ((args: Buffer) => bigint | null) & {
  async(args: Buffer, done: (error: unknown, result: bigint | null) => void): void;
};

/** The functions of one loaded plug-in. */
export class Api {
  private readonly natives = new Map<FunctionName, Native>();

  /** @param table a copy of PJRT_Api */
  constructor(private readonly table: Buffer) {}

  has(name: FunctionName): boolean {
    const at = TABLE_HEAD + 8 * FUNCTION_TABLE.get(name)!.slot;
    return at + 8 <= this.table.length && this.table.readBigUInt64LE(at) !== 0n;
  }

  /** For what returns at once. @throws {PjrtError} */
  call(name: FunctionName, values: FieldValues = {}): Struct {
    const args = new Struct(FUNCTION_TABLE.get(name)!.layout, values);
    this.check(name, this.native(name)(args.memory));
    return args;
  }

  /** For what takes time: on another thread, the event loop stays free. @throws {PjrtError} */
  callAside(name: FunctionName, values: FieldValues): Promise<Struct> {
    const args = new Struct(FUNCTION_TABLE.get(name)!.layout, values);
    const native = this.native(name);
    return new Promise((resolve, reject) => {
      native.async(args.memory, (error, result) => {
        try {
          if (error) throw error;
          this.check(name, result);
          resolve(args);
        } catch (failure) {
          reject(failure);
        }
      });
    });
  }

  /** Turns a PJRT_Error, which it frees, into an exception. */
  check(name: FunctionName, error: bigint | null): void {
    if (!error) return;
    const code = CODES[this.call('Error_GetCode', { error }).number('code')] ?? 'UNKNOWN';
    const detail = this.callVoid('Error_Message', { error }).text('message');
    this.callVoid('Error_Destroy', { error });
    throw new PjrtError(name, code, detail);
  }

  /** For the two functions that return nothing. */
  private callVoid(name: 'Error_Message' | 'Error_Destroy', values: FieldValues): Struct {
    const args = new Struct(FUNCTION_TABLE.get(name)!.layout, values);
    this.native(name)(args.memory);
    return args;
  }

  private native(name: FunctionName): Native {
    const known = this.natives.get(name);
    if (known) return known;
    if (!this.has(name)) throw new Error(`xla: this plug-in has no PJRT_${name}; use a newer one`);
    const at = TABLE_HEAD + 8 * FUNCTION_TABLE.get(name)!.slot;
    const native: Native = koffi.decode(this.table.readBigUInt64LE(at), FUNCTION);
    this.natives.set(name, native);
    return native;
  }
}

/** Options of a client or topology: a text, a whole number, yes or no, or another number. */
export type Options = Readonly<Record<string, string | number | boolean | { readonly float: number }>>;

/** An array of PJRT_NamedValue. */
export function namedValues(options: Options): Buffer {
  const values = Object.entries(options).map(([key, value]) => {
    const name = Buffer.from(key);
    const head = { name, name_size: name.length };
    if (typeof value === 'string') {
      const text = Buffer.from(value);
      return new Struct(STRUCTS.NamedValue, {
        ...head,
        type: NAMED_VALUE.string,
        value: text,
        value_size: text.length,
      });
    }
    if (typeof value === 'object') {
      const bits = Buffer.alloc(4);
      bits.writeFloatLE(value.float);
      const number = bits.readUInt32LE();
      return new Struct(STRUCTS.NamedValue, { ...head, type: NAMED_VALUE.float, value: number, value_size: 1 });
    }
    const type = typeof value === 'boolean' ? NAMED_VALUE.bool : NAMED_VALUE.int64;
    return new Struct(STRUCTS.NamedValue, { ...head, type, value, value_size: 1 });
  });
  const memory = Buffer.concat([...values.map((v) => v.memory), Buffer.alloc(8)]);
  heldBy.set(memory, values);
  return memory;
}

/** Integers, lists of integers and texts among a plug-in's attributes. */
export function readNamedValues(address: bigint, count: number): ReadonlyMap<string, string | number | number[]> {
  const { bytes, fields } = STRUCTS.NamedValue;
  const memory = copyMemory(address, bytes * count);
  const read = (i: number, field: string) => memory.readBigUInt64LE(i * bytes + fields.get(field)!.offset);
  const found = new Map<string, string | number | number[]>();
  for (let i = 0; i < count; i++) {
    const name = copyMemory(read(i, 'name'), Number(read(i, 'name_size'))).toString();
    const type = memory.readInt32LE(i * bytes + fields.get('type')!.offset);
    const size = Number(read(i, 'value_size'));
    if (type === NAMED_VALUE.string) found.set(name, copyMemory(read(i, 'value'), size).toString());
    if (type === NAMED_VALUE.int64) found.set(name, Number(BigInt.asIntN(64, read(i, 'value'))));
    if (type === NAMED_VALUE.int64List) found.set(name, copyPointers(read(i, 'value'), size).map(Number));
  }
  return found;
}
