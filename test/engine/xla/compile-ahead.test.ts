import { describe, expect, test } from 'vitest';
import { CARD_NAMES, compileAhead } from '../../../lib/engine/xla/pjrt/compile-ahead';
import { loadPlugin } from '../../../lib/engine/xla/pjrt/plugin';
import { cpuPlugin, cudaPlugin } from '../../xla/plugins';

/** Programs compiled for NVIDIA's cards on a machine without one. */

const BF16 = (shape: string) => `tensor<${shape}xbf16>`;
const shard = (axis: string) => ` {sdy.sharding = #sdy.sharding<@mesh, [{${axis}}, {}]>}`;

/** gelu-like of x w: a product for cuBLASLt and an elementwise kernel that ptxas and libdevice must build. */
const program = (devices: number) => `module @layer attributes {mhlo.num_partitions = ${devices} : i32} {
  sdy.mesh @mesh = <["d"=${devices}]>
  func.func public @main(%x: ${BF16('1024x4096')}${shard('"d"')}, %w: ${BF16('4096x4096')}${shard('"d"')}) -> (${BF16('1024x4096')}${shard('"d"')}) {
    %y = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (${BF16('1024x4096')}, ${BF16('4096x4096')}) -> ${BF16('1024x4096')}
    %t = stablehlo.tanh %y : ${BF16('1024x4096')}
    %z = stablehlo.multiply %y, %t : ${BF16('1024x4096')}
    return %z : ${BF16('1024x4096')}
  }
}`;

const MB = 2 ** 20;

describe.skipIf(!cudaPlugin)('compiled ahead', () => {
  const plugin = () => loadPlugin(cudaPlugin!.file, cudaPlugin);
  const dir = cudaPlugin?.cudaDataDir ? { cudaDataDir: cudaPlugin.cudaDataDir } : {};
  const count = (operations: readonly { opcode: string; target: string }[], name: string) =>
    operations.filter((o) => o.opcode.startsWith(name) || o.target === name).length;

  test.each(CARD_NAMES)('for one %s', async (card) => {
    const { memory, cardBytes, operations } = await compileAhead(plugin(), program(1), { card, ...dir });
    expect(memory).toMatchObject({ argument: 40 * MB, output: 8 * MB });
    expect(memory.peak).toBeGreaterThanOrEqual(48 * MB);
    const product = operations.filter((o) => o.target === '__cublas$lt$matmul');
    expect(product.map((o) => o.results[0])).toEqual([{ dtype: 'bfloat16', shape: [1024, 4096] }]);
    expect(count(operations, 'fusion')).toBeGreaterThan(0);
    // The name says gigabytes of 10^9 or 2^30.
    const gigabytes = Number(/\d+$/.exec({ h100: '80', h200: '141', b200: '178' }[card as string] ?? card)![0]);
    expect(cardBytes / 2 ** 30).toBeGreaterThan(gigabytes * 0.93);
    expect(cardBytes / 1e9).toBeLessThan(gigabytes * 1.08);
  });

  test('for eight: a part of arguments and result on each, the weight gathered', async () => {
    const { memory, operations, seconds } = await compileAhead(plugin(), program(8), {
      card: 'h100',
      count: 8,
      ...dir,
    });
    expect(memory).toMatchObject({ argument: 5 * MB, output: 1 * MB });
    expect(memory.temporary).toBeGreaterThanOrEqual(32 * MB);
    expect(count(operations, 'all-gather')).toBeGreaterThanOrEqual(1);
    expect(count(operations, 'all-reduce')).toBe(0);
    expect(operations.find((o) => o.target === '__cublas$lt$matmul')!.results[0]!.shape).toEqual([128, 4096]);
    expect(seconds).toBeLessThan(120);
  });

  test('what cannot be', async () => {
    await expect(compileAhead(plugin(), program(1), { card: 'h1000' as never })).rejects.toThrow(
      'xla: unknown card "h1000"; use one of a100-40, a100-80, h100, h200, b200',
    );
    await expect(compileAhead(plugin(), program(8), { card: 'h100', count: 4 })).rejects.toThrow(
      'the module says mhlo.num_partitions = 8, the settings 4',
    );
    await expect(compileAhead(plugin(), 'module { nonsense }', { card: 'h100' })).rejects.toThrow('nonsense');
    await expect(compileAhead(plugin(), program(1), { card: 'h100', flags: { xla_gpu_no_such: 1 } })).rejects.toThrow(
      'xla_gpu_no_such',
    );
  });
});

test.skipIf(!cpuPlugin)('a plug-in that has no cards says what to install', async () => {
  const plugin = loadPlugin(cpuPlugin!.file);
  await expect(compileAhead(plugin, program(1), { card: 'h100' })).rejects.toThrow(
    'has no description of "NVIDIA H100 80GB HBM3"',
  );
});
