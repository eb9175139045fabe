import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors';

test('a header whose length begins with a pickle’s byte is a header', async () => {
  const json = JSON.stringify({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } });
  for (const length of [0x80, 0x280, 0x480]) {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(length));
    const file = join(mkdtempSync(join(tmpdir(), 'header-')), 'x.safetensors');
    writeFileSync(
      file,
      Buffer.concat([head, Buffer.from(json.padEnd(length)), Buffer.from(Float32Array.of(7).buffer)]),
    );
    const { tensors } = await readSafetensorsHeader(file);
    expect([...(await readTensor(tensors.x!)).data]).toEqual([7]);
  }
});
