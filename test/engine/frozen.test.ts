import { chmod, link, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, type Step } from '../../lib/engine/compile';
import { type DeviceName, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { type FrozenWeight, float32, type HostTensors, sizeOf } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '../../lib/model/safetensors';
import { createRandom } from '../../lib/random';
import { xlaPossible } from '../xla/device';

/**
 * Frozen weights stay in their file; ONNX Runtime reads them there, wherever the program runs from. XLA is given a copy on
 * the device, one for all programs.
 */

const DEVICES: readonly DeviceName[] = xlaPossible ? ['cpu', 'tfjs', 'xla:cpu'] : ['cpu', 'tfjs'];

let folder: string;
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'frozen weights '));
});
afterAll(() => rm(folder, { recursive: true }));

const random = createRandom(13, 'frozen');
const SHAPES = { first: [3, 5], second: [7], third: [2, 1, 4] } as const;

/** A safetensors file by hand: tensors of one 16-bit type, their bits given. */
async function write16(file: string, dtype: 'F16' | 'BF16', tensors: Readonly<Record<string, Uint16Array>>) {
  let at = 0;
  const header = Object.entries(tensors).map(([name, bits]) => {
    const offsets = [at, at + bits.byteLength];
    at += bits.byteLength;
    return [name, { dtype, shape: [bits.length], data_offsets: offsets }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(file, Buffer.concat([length, json, ...Object.values(tensors).map((b) => new Uint8Array(b.buffer))]));
}

async function stored(file: string): Promise<Readonly<Record<string, FrozenWeight>>> {
  return (await readSafetensorsHeader(file)).tensors as Readonly<Record<string, FrozenWeight>>;
}

/** Every frozen tensor times one, as the device saw it. */
async function seen(frozen: Readonly<Record<string, FrozenWeight>>, device: DeviceName): Promise<HostTensors> {
  const opened = await openDevice(device, 1);
  const step: Step = ({ inputs, frozen: held }) => ({
    outputs: Object.fromEntries(Object.entries(held).map(([name, t]) => [name, t.mul(inputs.one!)])),
  });
  const spec = { name: 'seen', inputs: { one: { shape: [], dtype: 'float32' } }, state: {} } as const;
  const program = await compile(step, { ...spec, frozen, readFrozen: readTensor as never }, opened);
  const result = await program.run({ one: float32([], Float32Array.of(1)) }, await createState(opened, {}));
  await program.dispose();
  return result;
}

describe('stored as float32', () => {
  const values = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => {
      const size = sizeOf(shape);
      return [
        name,
        float32(
          shape,
          Float32Array.from({ length: size }, () => random.normal()),
        ),
      ];
    }),
  );

  test.for(DEVICES)('equal on %s, in a folder whose path has spaces', async (device) => {
    const file = join(folder, 'base model.safetensors');
    await writeSafetensors(file, values, (name) => values[name]!);
    expect(await seen(await stored(file), device)).toEqual(values);
  });

  test('several files of one folder, and a part of their tensors', async () => {
    const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'].map((f) => join(folder, f));
    for (const file of files) await writeSafetensors(file, values, (name) => values[name]!);
    const [one, two] = [await stored(files[0]!), await stored(files[1]!)];
    const result = await seen({ a: two.third!, b: one.first! }, 'cpu');
    expect(result).toEqual({ a: values.third, b: values.first });
  });

  test('a read-only file in a folder that may not be written', async () => {
    const locked = join(folder, 'locked');
    await mkdir(locked);
    const file = join(locked, 'model.safetensors');
    await writeSafetensors(file, values, (name) => values[name]!);
    await chmod(file, 0o444);
    await chmod(locked, 0o555);
    try {
      expect(await seen(await stored(file), 'cpu')).toEqual(values);
    } finally {
      await chmod(locked, 0o755);
    }
  });

  test.for(['cpu', 'tfjs'] as const)('on %s, wherever links lead', async (device) => {
    const [blobs, far, snapshot] = ['blobs', 'far away', 'snapshot'].map((name) => join(folder, device, name));
    for (const one of [blobs!, far!, snapshot!]) await mkdir(one, { recursive: true });
    const whole = join(blobs!, '0a1b');
    await writeSafetensors(whole, values, (name) => values[name]!);
    await writeSafetensors(join(far!, 'b'), values, (name) => values[name]!);
    // As the Hub's cache has it; through a second link; to another folder; a hard link; a folder that is a link.
    await symlink('../blobs/0a1b', join(snapshot!, 'one.safetensors'));
    await symlink('one.safetensors', join(snapshot!, 'two.safetensors'));
    await symlink(join(far!, 'b'), join(snapshot!, 'three.safetensors'));
    await link(whole, join(snapshot!, 'four.safetensors'));
    await symlink(snapshot!, join(folder, device, 'linked'));
    for (const at of [snapshot!, join(folder, device, 'linked'), relative(process.cwd(), snapshot!)]) {
      const places = await Promise.all(
        ['one', 'two', 'three', 'four'].map((n) => stored(join(at, `${n}.safetensors`))),
      );
      const result = await seen(Object.fromEntries(places.map((place, i) => [`${i}`, place.first!])), device);
      expect(Object.values(result)).toEqual(Array(4).fill(values.first));
    }
    await rename(snapshot!, join(folder, device, 'moved'));
    expect(await seen(await stored(join(folder, device, 'moved', 'one.safetensors')), device)).toEqual(values);
  });

  test('a frozen weight handed out, and one that nobody uses', async () => {
    const file = join(folder, 'unused.safetensors');
    await writeSafetensors(file, values, (name) => values[name]!);
    const device = await openDevice('cpu', 1);
    const step: Step = ({ frozen }) => ({ outputs: { y: frozen.second! } });
    const program = await compile(step, { name: 'unused', inputs: {}, state: {}, frozen: await stored(file) }, device);
    expect(await program.run({}, await createState(device, {}))).toEqual({ y: values.second });
  });

  test.runIf(xlaPossible)('on XLA programs share one copy, which lasts as long as the last of them', async () => {
    const file = join(folder, 'shared.safetensors');
    await writeSafetensors(file, values, (name) => values[name]!);
    const device = await openDevice('xla:cpu');
    const step: Step = ({ frozen }) => ({ outputs: { y: frozen.second!.add(frozen.second!) } });
    const make = async () =>
      compile(step, { name: 'shared', inputs: {}, state: {}, frozen: await stored(file) }, device);
    const [one, two] = [await make(), await make()];
    const state = await createState(device, {});
    const doubled = float32([7], values.second!.data.map((v) => v + v) as Float32Array);
    expect(await one.run({}, state)).toEqual({ y: doubled });
    await one.dispose();
    await one.dispose();
    // The copy is still there for the other, though the file is not.
    await rm(file);
    expect(await two.run({}, state)).toEqual({ y: doubled });
    await two.dispose();
  });

  test('a file that is gone is an error', async () => {
    const file = join(folder, 'gone.safetensors');
    await writeSafetensors(file, values, (name) => values[name]!);
    const frozen = await stored(file);
    await rm(file);
    await expect(seen(frozen, 'cpu')).rejects.toThrow('gone.safetensors');
  });
});

describe('stored in 16 bits', () => {
  /** Zeros, ones, the largest and smallest, a subnormal, infinities, and all sorts. */
  const sorts = (special: readonly number[], exponentMask: number) => {
    const any = Array.from({ length: 250 }, () => random.int(65_536)).filter(
      (b) => (b & exponentMask) !== exponentMask,
    );
    return Uint16Array.from([...special, ...any]);
  };
  const bfloat16 = sorts([0, 0x8000, 0x3f80, 0xbf80, 0x7f7f, 0x0080, 0x7f80, 0xff80], 0x7f80);
  const float16 = sorts([0, 0x8000, 0x3c00, 0xbc00, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x7c00, 0xfc00], 0x7c00);

  /** By the definition of each format. */
  const wide = (bits: number, exponentBits: number, fractionBits: number): number => {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
    const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    if (exponent === 2 ** exponentBits - 1) return sign * Number.POSITIVE_INFINITY;
    return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
  };

  test.for<readonly ['F16' | 'BF16', Uint16Array, number, number]>([
    ['F16', float16, 5, 10],
    ['BF16', bfloat16, 8, 7],
  ])(
    '%s widens to the same float32 on the device and on the host',
    async ([dtype, bits, exponentBits, fractionBits]) => {
      const file = join(folder, `${dtype}.safetensors`);
      await write16(file, dtype, { a: bits.slice(0, 100), b: bits.slice(100) });
      const frozen = await stored(file);
      expect(frozen.a!.dtype).toBe(dtype === 'F16' ? 'float16' : 'bfloat16');
      const expected = [...bits].map((b) => wide(b, exponentBits, fractionBits));
      for (const device of DEVICES) {
        const { a, b } = await seen(frozen, device);
        // XLA takes a number that is too small for float32's full precision for zero of its sign.
        const there = (value: number) => (device === 'xla:cpu' && Math.abs(value) < 2 ** -126 ? 0 * value : value);
        // toEqual tells 0 from -0 as well.
        expect([...a!.data, ...b!.data], device).toEqual(expected.map(there));
      }
    },
  );
});
