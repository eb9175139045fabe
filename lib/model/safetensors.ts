import { type FileHandle, open } from 'node:fs/promises';
import { type HostTensor, type HostTensors, sizeOf } from '../engine/tensors';
import { misplacedContent, writeFileAtomic } from '../files';
import { requireRegularFile } from '../json-file';
import { bfloat16ToFloat32, float16ToFloat32 } from './half-precision';

/** A tensor's place in a safetensors file; the bytes stay there until somebody reads them. */
export interface StoredTensor {
  readonly file: string;
  /** `unread`: a type of the format that no weight or adapter here is read from. */
  readonly dtype: 'float32' | 'float16' | 'bfloat16' | 'int32' | 'unread';
  /** The type as the file names it. */
  readonly format: string;
  readonly shape: readonly number[];
  /** Byte offset from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

const DTYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16', I32: 'int32' } as const;
/** Source: huggingface/safetensors, tensor.rs, Dtype::bitsize */
const BITS: Readonly<Record<string, number>> = {
  ...{ F4: 4, F6_E2M3: 6, F6_E3M2: 6, BOOL: 8, U8: 8, I8: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8 },
  ...{ F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8, F16: 16, BF16: 16, I16: 16, U16: 16, F32: 32, I32: 32, U32: 32 },
  ...{ F64: 64, I64: 64, U64: 64, C64: 64 },
};
/** The format's own limit; a larger number is a file that is something else. */
const MAX_HEADER = 100_000_000;
/** Bytes compared at once. */
const PIECE = 2 ** 24;

/**
 * Reads and checks the header: 8 bytes of length, JSON, then the tensors' bytes.
 *
 * @throws naming file and tensor when the file is cut short or the header does not tell the truth about it
 * Source: huggingface/safetensors, README "Format"
 */
export async function readSafetensorsHeader(
  file: string,
): Promise<{ tensors: Readonly<Record<string, StoredTensor>>; metadata: Readonly<Record<string, string>> }> {
  const fail = (what: string): never => {
    throw new Error(`safetensors: ${file}: ${what}; download or save the file again`);
  };
  let handle: FileHandle | undefined;
  await requireRegularFile(file, 'safetensors').catch((error: NodeJS.ErrnoException) => {
    throw error.code === undefined ? error : fail(`cannot be opened (${error.code})`);
  });
  try {
    handle = await open(file).catch((error: NodeJS.ErrnoException) => fail(`cannot be opened (${error.code})`));
    const { size } = await handle.stat();
    const first = Buffer.alloc(8);
    const begin = Buffer.alloc(64);
    const mistake = misplacedContent(begin.subarray(0, (await handle.read(begin, 0, 64, 0)).bytesRead));
    if (mistake !== undefined) throw new Error(`safetensors: ${file} ${mistake}`);
    if (size < 8) fail(`has ${size} bytes, fewer than the 8 of its header length`);
    await handle.read(first, 0, 8, 0);
    const length = Number(first.readBigUInt64LE());
    if (length > MAX_HEADER) fail(`claims a header of ${length} bytes, more than the format's ${MAX_HEADER}`);
    if (8 + length > size) fail(`claims a header of ${length} bytes but has ${size} bytes in all`);
    const text = Buffer.alloc(length);
    await handle.read(text, 0, length, 8);
    let header: Record<string, unknown> = {};
    try {
      header = JSON.parse(text.toString('utf8'));
    } catch (error) {
      fail(`has a header that is not JSON (${(error as Error).message})`);
    }
    if (typeof header !== 'object' || header === null) fail('has a header that is no JSON object');
    const { __metadata__: given, ...entries } = header;
    const metadata = given ?? {};
    const notes = typeof metadata === 'object' ? Object.values(metadata) : [undefined];
    if (notes.some((note) => typeof note !== 'string')) fail('has a "__metadata__" that is no object of texts');
    const tensors: Record<string, StoredTensor> = {};
    const body = size - 8 - length;
    for (const [name, entry] of Object.entries(entries)) {
      tensors[name] = checkEntry(entry, body, 8 + length, file, (what) => fail(`tensor "${name}" ${what}`));
    }
    checkTiling(tensors, 8 + length, size, fail);
    return { tensors, metadata: metadata as Record<string, string> };
  } finally {
    await handle?.close();
  }
}

function checkEntry(
  entry: unknown,
  body: number,
  start: number,
  file: string,
  fail: (what: string) => never,
): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const format = String(dtype);
  if (!Object.hasOwn(BITS, format)) fail(`has dtype ${dtype}, which the format has not`);
  const count = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(count)) fail(`has shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(count)) {
    fail(`has data_offsets ${JSON.stringify(offsets)}`);
  }
  const [from, to] = offsets as [number, number];
  const needed = (sizeOf(shape as number[]) * BITS[format]!) / 8;
  if (to - from !== needed) {
    fail(`of ${dtype} [${shape}] needs ${needed} bytes, its data_offsets [${offsets}] give ${to - from}`);
  }
  if (to > body) fail(`ends at byte ${to} of the data, which has only ${body}: the file is cut short`);
  const type = DTYPES[format as keyof typeof DTYPES] ?? 'unread';
  return { file, dtype: type, format, shape: shape as number[], offset: start + from, length: needed };
}

/** The tensors' bytes must fill the file without gaps or overlaps, or the header describes another file. */
function checkTiling(
  tensors: Readonly<Record<string, StoredTensor>>,
  start: number,
  size: number,
  fail: (what: string) => never,
): void {
  let at = start;
  for (const [name, t] of Object.entries(tensors).sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length)) {
    if (t.offset !== at)
      fail(`tensor "${name}" starts at byte ${t.offset}, expected ${at}: tensors overlap or leave gaps`);
    at += t.length;
  }
  if (at !== size) fail(`has ${size - at} bytes after its last tensor`);
}

/** A tensor's values; 16-bit floats become float32. */
export async function readTensor(
  stored: Omit<StoredTensor, 'format'> & { readonly format?: string },
): Promise<HostTensor> {
  if (stored.dtype === 'unread') {
    throw new Error(
      `safetensors: ${stored.file}: a tensor of ${stored.format} [${stored.shape}] is asked for; F32, F16, BF16 and ` +
        'I32 are read: save it as one of these',
    );
  }
  const handle = await open(stored.file);
  try {
    const bytes = new Uint8Array(stored.length);
    for (let done = 0; done < stored.length; ) {
      // A read gives at most 2 GiB at once.
      const part = Math.min(stored.length - done, 2 ** 30);
      const { bytesRead } = await handle.read(bytes, done, part, stored.offset + done);
      if (bytesRead === 0)
        throw new Error(`safetensors: ${stored.file} ended while it was read; was it being replaced?`);
      done += bytesRead;
    }
    const { shape } = stored;
    if (stored.dtype === 'int32') return { shape, dtype: 'int32', data: new Int32Array(bytes.buffer) };
    if (stored.dtype === 'float32') return { shape, dtype: 'float32', data: new Float32Array(bytes.buffer) };
    const widen = stored.dtype === 'bfloat16' ? bfloat16ToFloat32 : float16ToFloat32;
    return { shape, dtype: 'float32', data: widen(new Uint16Array(bytes.buffer)) };
  } finally {
    await handle.close();
  }
}

/** Whether two tensors hold the same numbers; those of one type and shape are compared piece by piece. */
export async function areEqual(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (String(a.shape) !== String(b.shape)) return false;
  if (a.format !== b.format) {
    const [x, y] = [await readTensor(a), await readTensor(b)];
    return x.data.every((value, i) => value === y.data[i]);
  }
  const [one, other] = [await open(a.file), await open(b.file)];
  try {
    const pieces = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)] as const;
    for (let done = 0; done < a.length; done += PIECE) {
      const part = Math.min(PIECE, a.length - done);
      await one.read(pieces[0], 0, part, a.offset + done);
      await other.read(pieces[1], 0, part, b.offset + done);
      if (!pieces[0].subarray(0, part).equals(pieces[1].subarray(0, part))) return false;
    }
    return true;
  } finally {
    await one.close();
    await other.close();
  }
}

export async function readTensors(stored: Readonly<Record<string, StoredTensor>>): Promise<HostTensors> {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, place] of Object.entries(stored)) tensors[name] = await readTensor(place);
  return tensors;
}

const WRITTEN = {
  int32: { name: 'I32', bytes: 4 },
  float32: { name: 'F32', bytes: 4 },
  uint8: { name: 'U8', bytes: 1 },
} as const;

/**
 * The bytes before a file's tensors, and the place of each in the file. Every tensor begins at a multiple of its size
 * where those of four bytes are named first.
 */
export function safetensorsHeader(
  specs: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: keyof typeof WRITTEN }>>,
  metadata: Readonly<Record<string, string>>,
): { readonly header: Uint8Array; readonly offsets: Readonly<Record<string, number>> } {
  const entries: Record<string, unknown> = { __metadata__: metadata };
  const starts: Record<string, number> = {};
  let at = 0;
  for (const [name, { shape, dtype }] of Object.entries(specs)) {
    const length = sizeOf(shape) * WRITTEN[dtype].bytes;
    entries[name] = { dtype: WRITTEN[dtype].name, shape, data_offsets: [at, at + length] };
    starts[name] = at;
    at += length;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return {
    header,
    offsets: Object.fromEntries(Object.entries(starts).map(([name, start]) => [name, header.length + start])),
  };
}

/** Writes a file piece by piece, aside and renamed: a model need not fit in memory twice. */
export async function writeSafetensors(
  file: string,
  specs: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int32' }>>,
  read: (name: string) => Promise<HostTensor> | HostTensor,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const { header } = safetensorsHeader(specs, metadata);
  await writeFileAtomic(file, async (handle) => {
    await handle.writeFile(header);
    for (const [name, { shape }] of Object.entries(specs)) {
      const { data } = await read(name);
      if (data.length !== sizeOf(shape)) {
        throw new Error(`safetensors: ${file}: "${name}" of shape [${shape}] was given ${data.length} numbers`);
      }
      await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
}
