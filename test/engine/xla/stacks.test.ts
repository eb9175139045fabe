import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { float32 } from '../../../lib/engine/tensors';
import type { Client } from '../../../lib/engine/xla/pjrt/client';
import { loadPlugin } from '../../../lib/engine/xla/pjrt/plugin';
import { cut, shardAxis } from '../../../lib/engine/xla/sharding';
import { free } from '../../../lib/engine/xla/spread';
import { openStacks } from '../../../lib/engine/xla/stacks';
import { cpuPlugin } from '../../xla/plugins';

/** Stacks that are made, read and changed a layer at a time, as large ones are. */

const DEVICES = 2;

describe.skipIf(!cpuPlugin)('stacks', () => {
  let client: Client;
  beforeAll(async () => {
    client = await loadPlugin(cpuPlugin!.file).createClient({ cpu_device_count: DEVICES });
  });
  afterAll(() => client.close());

  const layer = (at: number, shape: readonly number[]) =>
    float32(
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => 100 * at + i),
    );

  test.each([
    ['split', [4, 3]],
    ['split along the second axis', [3, 2]],
    ['whole on each device', [3, 5]],
  ] as const)('%s', async (_, shape) => {
    const stacks = openStacks(client, DEVICES, 0);
    const layers = [0, 1, 2].map((at) => layer(at, shape));
    const first = await stacks.makeOf('model.layers.*.w', layers);
    for (const [at, { data }] of layers.entries()) expect(await stacks.read(first, at)).toEqual(data);
    const other = layer(7, shape);
    const changed = await stacks.write(first, 1, other);
    expect(first.parts[0]!.isThere, 'given away to the changed one').toBe(false);
    for (const [at, data] of [layers[0]!.data, other.data, layers[2]!.data].entries())
      expect(await stacks.read(changed, at)).toEqual(data);
    free(changed);
  });

  test('16-bit numbers as they lie, and as a small stack goes', async () => {
    const shape = [2, 4, 3];
    const axis = shardAxis('frozen.model.layers.*.w', shape, DEVICES);
    const whole = Uint16Array.from({ length: 24 }, (_, i) => 0x3f80 + i);
    const partOf = async (at: number, device: number) =>
      cut(whole.subarray(12 * at, 12 * at + 12), [4, 3], axis! - 1, DEVICES, device);
    const [byLayer, atOnce] = [openStacks(client, DEVICES, 0), openStacks(client, DEVICES)];
    const made = [
      await byLayer.make('bfloat16', shape, axis, partOf),
      await atOnce.make('bfloat16', shape, axis, partOf),
    ];
    for (const [device, part] of made[0]!.parts.entries()) {
      expect(part.bytesOnDevice).toBe(24);
      expect(await part.read()).toEqual(await made[1]!.parts[device]!.read());
      expect(await part.read()).toEqual(cut(whole, shape, axis, DEVICES, device));
    }
    for (const stack of made) free(stack);
  });

  test('a layer that cannot be read ends it, in its own words', async () => {
    const read: number[] = [];
    const failing = openStacks(client, DEVICES, 0).make('float32', [3, 4, 2], 1, async (at, device) => {
      read.push(at);
      if (at === 1 && device === 1) throw new Error('the file ends');
      return new Float32Array(4);
    });
    await expect(failing).rejects.toThrow('the file ends');
    expect(read).toEqual([0, 0, 1, 1]);
  });
});
