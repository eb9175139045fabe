import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { FUNCTION_TABLE, STRUCTS } from '../../../lib/engine/xla/pjrt/abi';
import { PjrtError } from '../../../lib/engine/xla/pjrt/api';
import type { DeviceBuffer } from '../../../lib/engine/xla/pjrt/buffer';
import type { Client } from '../../../lib/engine/xla/pjrt/client';
import { loadPlugin } from '../../../lib/engine/xla/pjrt/plugin';
import { WORKBOOK_ROOT } from '../../../lib/files';
import { bytesLentOut } from '../../xla/allocator';
import { cpuPlugin } from '../../xla/plugins';

/** The binding on XLA's CPU plug-in. */

test('structs are as long as the plug-ins that were tried expect', () => {
  const size = (name: Parameters<typeof FUNCTION_TABLE.get>[0]) => FUNCTION_TABLE.get(name)!.layout.structSize;
  expect(size('Client_Create')).toBe(88);
  expect(size('Client_Compile')).toBe(56);
  expect(size('Client_BufferFromHostBuffer')).toBe(120);
  expect(size('LoadedExecutable_Execute')).toBe(80);
  expect(size('Buffer_ToHostBuffer')).toBe(56);
  expect(size('Event_OnReady')).toBe(40);
  expect(size('Device_MemoryStats')).toBe(201);
  expect(size('Executable_GetCompiledMemoryStats')).toBe(144);
  expect(STRUCTS.NamedValue.structSize).toBe(56);
  expect(STRUCTS.Program.structSize).toBe(48);
  expect(STRUCTS.ExecuteOptions.structSize).toBe(144);
});

const ADD = `module @add {
  func.func public @main(%a: tensor<2x3xf32> {tf.aliasing_output = 0 : i32}, %b: tensor<2x3xf32>, %s: tensor<bf16>)
      -> (tensor<2x3xf32>, tensor<3x2xf32>, tensor<bf16>) {
    %0 = stablehlo.add %a, %b : tensor<2x3xf32>
    %1 = stablehlo.transpose %a, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    return %0, %1, %s : tensor<2x3xf32>, tensor<3x2xf32>, tensor<bf16>
  }
}`;

/** Long enough to watch the event loop beside it: n products of 256 x 256, one after the other. */
const longProgram = (n: number) => `module @long {
  func.func public @main(%a: tensor<256x256xf32>) -> tensor<256x256xf32> {
    %zero = stablehlo.constant dense<0> : tensor<i32>
    %one = stablehlo.constant dense<1> : tensor<i32>
    %n = stablehlo.constant dense<${n}> : tensor<i32>
    %r:2 = stablehlo.while(%i = %zero, %x = %a) : tensor<i32>, tensor<256x256xf32>
      cond {
        %c = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
        stablehlo.return %c : tensor<i1>
      } do {
        %j = stablehlo.add %i, %one : tensor<i32>
        %y = stablehlo.dot_general %x, %a, contracting_dims = [1] x [0] : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
        stablehlo.return %j, %y : tensor<i32>, tensor<256x256xf32>
      }
    return %r#1 : tensor<256x256xf32>
  }
}`;

describe.skipIf(!cpuPlugin)('on the CPU plug-in', () => {
  let client: Client;
  beforeAll(async () => {
    client = await loadPlugin(cpuPlugin!.file).createClient({ cpu_device_count: 4 });
  });

  const six = (...values: number[]) => client.put(Float32Array.from(values), 'float32', [2, 3]);
  const inputs = () => [
    six(1, 2, 3, 4, 5, 6),
    six(...Array(6).fill(10)),
    client.put(Uint16Array.of(0x3f80), 'bfloat16', []),
  ];

  test('versions, devices and options', () => {
    const plugin = loadPlugin(cpuPlugin!.file);
    expect(plugin.apiVersion).toMatch(/^0\.\d+$/);
    expect(plugin.stablehloVersion).toMatch(/^1\.\d+\.\d+$/);
    expect(client.platform).toBe('cpu');
    expect(client.devices.map((d) => [d.index, d.kind])).toEqual([0, 1, 2, 3].map((i) => [i, 'cpu']));
    expect(client.devices[0]!.memory()).toBeUndefined();
  });

  test('a program says what it takes, gives, gives away and holds, and runs', async () => {
    const program = await client.compile(ADD);
    const matrix = { dtype: 'float32', shape: [2, 3] };
    expect(program.parameters).toEqual([matrix, matrix, { dtype: 'bfloat16', shape: [] }]);
    expect(program.results).toEqual([matrix, { dtype: 'float32', shape: [3, 2] }, { dtype: 'bfloat16', shape: [] }]);
    expect(program.donates).toEqual([0]);
    expect(program.memory).toMatchObject({ argument: 24 + 24 + 2, alias: 24 });
    const [results] = await program.run([inputs()]);
    expect(await results![0]!.read()).toEqual(Float32Array.of(11, 12, 13, 14, 15, 16));
    expect(await results![1]!.read()).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
    expect(await results![2]!.read()).toEqual(Uint16Array.of(0x3f80));
    program.free();
    await expect(program.run([inputs()])).rejects.toThrow('xla: run: the program was freed before');
  });

  test('state is carried through 50 runs by donation', async () => {
    const program = await client.compile(ADD);
    const [first, ten, scalar] = inputs();
    let state: DeviceBuffer = first!;
    for (let i = 0; i < 50; i++) {
      const [results] = await program.run([[state, ten!, scalar!]]);
      expect(state.isThere).toBe(false);
      state = results![0]!;
      for (const other of results!.slice(1)) other.free();
    }
    expect(await state.read()).toEqual(Float32Array.of(501, 502, 503, 504, 505, 506));
    program.free();
  });

  test('every element type goes there and back', async () => {
    const there = [
      client.put(Uint8Array.of(1, 0), 'bool', [2]),
      client.put(Int8Array.of(-1, 2), 'int8', [2]),
      client.put(Int32Array.of(-1, 2 ** 30), 'int32', [2]),
      client.put(BigInt64Array.of(-1n, 2n ** 60n), 'int64', [2]),
      client.put(Uint32Array.of(1, 2 ** 32 - 1), 'uint32', [2]),
      client.put(Float64Array.of(Math.PI, -0), 'float64', [2]),
      client.put(Uint16Array.of(0x3c00, 0x7bff), 'float16', [2]),
      client.put(new Float32Array(0), 'float32', [0, 3]),
    ];
    expect(await Promise.all(there.map((b) => b.read()))).toEqual([
      Uint8Array.of(1, 0),
      Int8Array.of(-1, 2),
      Int32Array.of(-1, 2 ** 30),
      BigInt64Array.of(-1n, 2n ** 60n),
      Uint32Array.of(1, 2 ** 32 - 1),
      Float64Array.of(Math.PI, -0),
      Uint16Array.of(0x3c00, 0x7bff),
      new Float32Array(0),
    ]);
    for (const buffer of there) buffer.free();
  });

  test('the event loop is free while a program runs, and several may run at once', async () => {
    const program = await client.compile(longProgram(800));
    const identity = Float32Array.from({ length: 256 * 256 }, (_, i) => (i % 257 === 0 ? 1 : 0));
    const input = client.put(identity, 'float32', [256, 256]);
    const began = performance.now();
    let longest = 0;
    let last = began;
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const runs = await Promise.all(Array.from({ length: 2 }, () => program.run([[input]])));
    clearInterval(timer);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(100);
    expect(longest).toBeLessThan(took / 2);
    for (const [results] of runs) expect(await results![0]!.read()).toEqual(identity);
  });

  // What the allocator has lent out, as a process keeps freed memory for what comes next; read after a wait, as the
  // plug-in gives memory back on threads of its own.
  test.skipIf(!bytesLentOut)('memory is given back when told', async () => {
    const data = new Float32Array(4 * 1024 * 1024);
    const before = bytesLentOut!();
    const buffers = Array.from({ length: 20 }, () => client.put(data, 'float32', [data.length]));
    expect(bytesLentOut!() - before).toBeGreaterThan(19 * data.byteLength);
    for (const buffer of buffers) buffer.free();
    await vi.waitFor(() => expect(bytesLentOut!() - before).toBeLessThan(data.byteLength), 10_000);
  });

  test('a buffer freed while a run uses it lasts for the run', async () => {
    const program = await client.compile(longProgram(4));
    const input = client.put(new Float32Array(256 * 256).fill(0), 'float32', [256, 256]);
    const run = program.run([[input]]);
    input.free();
    program.free();
    const [results] = await run;
    expect(await results![0]!.read()).toEqual(new Float32Array(256 * 256));
    await expect(input.read()).rejects.toThrow('xla: reading: the buffer (256x256xf32) was freed before');
  });

  test('a closed client ends after what still runs, and what lay on it says so', async () => {
    const closing = await loadPlugin(cpuPlugin!.file).createClient({ cpu_device_count: 1 });
    const program = await closing.compile(longProgram(4));
    const input = closing.put(new Float32Array(256 * 256), 'float32', [256, 256]);
    const run = program.run([[input]]);
    const compiling = closing.compile(ADD);
    closing.close();
    closing.close();
    const [results] = await run;
    expect(await results![0]!.read()).toEqual(new Float32Array(256 * 256));
    results![0]!.free();
    (await compiling).free();
    await expect(input.read()).rejects.toThrow('was freed before');
    await expect(closing.compile(ADD)).rejects.toThrow('xla: compile: the client was closed before');
    expect(() => closing.put(new Float32Array(1), 'float32', [1])).toThrow('xla: put: the client was closed before');
    expect(() => closing.devices[0]!.memory()).toThrow('xla: memory: the client was closed before');
  });

  test('what would end the process is refused before', async () => {
    const program = await client.compile(ADD);
    const [a, b, s] = inputs();
    const refused = (buffers: DeviceBuffer[][], message: string) =>
      expect(program.run(buffers)).rejects.toThrow(message);
    await refused([[a!, b!]], 'the program takes 3 arguments, got 2 for device 0');
    await refused(
      [
        [a!, b!, s!],
        [a!, b!, s!],
      ],
      'the program runs on 1 devices, got arguments for 2',
    );
    await refused([[a!, s!, b!]], 'argument 1 for device 0 must be 2x3xf32 there, got bf16');
    await refused([[a!, a!, s!]], 'argument 1 for device 0 is argument 0 too, and one of them is given away');
    const elsewhere = client.put(new Float32Array(6), 'float32', [2, 3], client.devices[1]);
    await refused([[a!, elsewhere, s!]], 'argument 1 for device 0 lies on device 1; put it on device 0');
    // A refusal uses nothing up.
    const runs = [program.run([[a!, b!, s!]]), program.run([[a!, b!, s!]])];
    await expect(runs[1]).rejects.toThrow('was given away to a result of an earlier run');
    await runs[0];
    await expect(a!.read()).rejects.toThrow('use that result instead');
    b!.free();
    await refused([[six(1, 2, 3, 4, 5, 6), b!, s!]], 'argument 1 for device 0: the buffer (2x3xf32) was freed before');
    expect(() => client.put(new Float32Array(5), 'float32', [2, 3])).toThrow(
      'xla: put: 2x3xf32 has 6 elements (24 bytes), got 5 (20 bytes)',
    );
    expect(() => client.put(new Int32Array(6), 'float32', [2, 3])).toThrow(
      'float32 comes in a Float32Array, got a Int32Array',
    );
    expect(() => client.put(new Float32Array(6), 'float32', [2, -3])).toThrow(
      'whole numbers of 0 or more, got [2, -3]',
    );
    expect(() => client.put(new Float32Array(6), 'float31' as never, [6])).toThrow('unknown element type "float31"');
  });

  test('a run that does not fit says so, and what was not given away is there still', async () => {
    const vast = `module @vast {
      func.func public @main(%a: tensor<f32>) -> (tensor<f32>, tensor<1000000000000xf32>) {
        %0 = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> tensor<1000000000000xf32>
        return %a, %0 : tensor<f32>, tensor<1000000000000xf32>
      }
    }`;
    const program = await client.compile(vast);
    expect(program.memory.peak).toBeGreaterThanOrEqual(4e12);
    const input = client.put(Float32Array.of(7), 'float32', []);
    await expect(program.run([[input]])).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(await input.read()).toEqual(Float32Array.of(7));
  });

  test('programs that cannot be', async () => {
    const error = await client.compile('module { nonsense }').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PjrtError);
    expect((error as PjrtError).detail).toContain('nonsense');
    await expect(client.compile(ADD, { flags: { xla_no_such_flag: true } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      detail: expect.stringContaining('xla_no_such_flag'),
    });
    await expect(client.compile(' \n')).rejects.toThrow('xla: compile: the text is empty');
    const complex = ADD.replaceAll('bf16', 'complex<f32>');
    await expect(client.compile(complex)).rejects.toThrow('PJRT’s element type 15; use one of bool, int8');
    await expect(loadPlugin(cpuPlugin!.file).createClient({ no_such_option: 1 })).rejects.toThrow(
      /opens no device \(INVALID_ARGUMENT: .*no_such_option\)$/,
    );
    await expect(client.compile(ADD, { partitions: 8 })).rejects.toThrow('the program is for 8 devices, there are 4');
    await expect(client.compile(ADD, { partitions: 0 })).rejects.toThrow(
      'partitions must be a whole number of 1 or more',
    );
    const four = ADD.replace('@add', '@add attributes {mhlo.num_partitions = 4 : i32}');
    await expect(client.compile(four)).rejects.toThrow('the module says mhlo.num_partitions = 4, the settings 1');
  });

  test('one program on four devices: each gets its shard and gives its own', async () => {
    const sharded = `module @sum attributes {mhlo.num_partitions = 4 : i32} {
      sdy.mesh @mesh = <["d"=4]>
      func.func public @main(%x: tensor<8x3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"d"}, {}]>, tf.aliasing_output = 0 : i32},
                             %w: tensor<3x3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>})
          -> (tensor<8x3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"d"}, {}]>}, tensor<3xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}]>}) {
        %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<8x3xf32>, tensor<3x3xf32>) -> tensor<8x3xf32>
        %zero = stablehlo.constant dense<0.0> : tensor<f32>
        %s = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<8x3xf32>, tensor<f32>) -> tensor<3xf32>
        return %y, %s : tensor<8x3xf32>, tensor<3xf32>
      }
    }`;
    const program = await client.compile(sharded, { partitions: 4 });
    expect(program.devices.map((d) => d.index)).toEqual([0, 1, 2, 3]);
    expect(program.parameters[0]).toEqual({ dtype: 'float32', shape: [2, 3] });
    expect(program.donates).toEqual([0]);
    // A quarter of x, all of w.
    expect(program.memory.argument).toBe((2 * 3 + 3 * 3) * 4);
    const x = Float32Array.from({ length: 24 }, (_, i) => i);
    const double = Float32Array.of(2, 0, 0, 0, 2, 0, 0, 0, 2);
    const placed = client.devices.map((device, d) => [
      client.put(x.slice(6 * d, 6 * d + 6), 'float32', [2, 3], device),
      client.put(double, 'float32', [3, 3], device),
    ]);
    const results = await program.run(placed);
    const parts = await Promise.all(results.map(([y]) => y!.read()));
    expect(parts.flatMap((part) => [...(part as Float32Array)])).toEqual([...x].map((v) => 2 * v));
    for (const [d, [y, sum]] of results.entries()) {
      expect(y!.device).toBe(client.devices[d]);
      expect(await sum!.read()).toEqual(Float32Array.of(168, 184, 200));
    }
    await expect(program.run([placed[1]!, placed[0]!, placed[2]!, placed[3]!])).rejects.toThrow('put it on device 0');
  });

  test('a process that used it ends well, with all still open', () => {
    const script = `const { loadPlugin } = require(${JSON.stringify(join(WORKBOOK_ROOT, 'dist/engine/xla/pjrt/plugin.js'))});
      loadPlugin(process.argv[1]).createClient({ cpu_device_count: 2 }).then(async (client) => {
        const program = await client.compile(process.argv[2]);
        const x = client.put(new Float32Array(256 * 256), 'float32', [256, 256]);
        const [[y]] = await program.run([[x]]);
        console.log((await y.read()).length);
      });`;
    const said = execFileSync(process.execPath, ['-e', script, cpuPlugin!.file, longProgram(2)], { encoding: 'utf8' });
    expect(said.trim()).toBe(String(256 * 256));
  });
});
