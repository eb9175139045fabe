import { beforeAll, describe, expect, it } from 'vitest';
import { nearestRows } from '../../lib/decontaminate/neighbours';
import { type DeviceName, openDevice } from '../../lib/engine/device';
import * as tf from '../../lib/engine/tf';
import { createRandom, type Random } from '../../lib/random';

beforeAll(() => tf.setBackend('cpu'));

/** [n, width], each row of length 1; every fifth one a copy of the row before, some of them the opposite of a row. */
function unitRows(n: number, width: number, random: Random): Float32Array {
  const rows = Float32Array.from({ length: n * width }, () => random.normal());
  for (let i = 0; i < n; i++) {
    const row = rows.subarray(i * width, (i + 1) * width);
    const length = Math.hypot(...row);
    for (let c = 0; c < width; c++) row[c]! /= length;
    if (i % 5 === 4) row.set(rows.subarray((i - 1) * width, i * width));
    if (i % 7 === 6) for (let c = 0; c < width; c++) row[c] = -rows[c]!;
  }
  return rows;
}

function bruteForce(items: Float32Array, rows: Float32Array, width: number, ids: Uint32Array, k: number) {
  const result: { row: number; cosine: number }[][] = [];
  for (let i = 0; i < items.length / width; i++) {
    const all = Array.from(ids, (row, r) => {
      let cosine = 0;
      for (let c = 0; c < width; c++) cosine += items[i * width + c]! * rows[r * width + c]!;
      return { row, cosine };
    });
    result.push(all.sort((a, b) => b.cosine - a.cosine || a.row - b.row).slice(0, k));
  }
  return result;
}

async function search(
  items: Float32Array,
  rows: Float32Array,
  width: number,
  ids: Uint32Array,
  k: number,
  name: DeviceName = 'cpu',
) {
  const read = (start: number, into: Float32Array) =>
    into.set(rows.subarray(start * width, start * width + into.length));
  const found = await nearestRows(items, width, { ids, read }, k, await openDevice(name, 2));
  return Array.from({ length: items.length / width }, (_, i) =>
    Array.from({ length: found.k }, (_, rank) => ({
      row: found.rows[i * found.k + rank]!,
      cosine: found.cosines[i * found.k + rank]!,
    })),
  );
}

const numbered = (n: number) => Uint32Array.from({ length: n }, (_, i) => i);

describe('nearest rows', () => {
  it.each([
    { items: 37, rows: 1500, width: 24, k: 5 },
    { items: 5, rows: 512, width: 8, k: 1 },
    { items: 9, rows: 530, width: 3, k: 12 },
    { items: 4, rows: 7, width: 5, k: 3 },
    { items: 1, rows: 1, width: 2, k: 1 },
  ])('of $items items among $rows rows are those of every cosine sorted', async ({ items, rows, width, k }) => {
    const random = createRandom(rows, 'neighbours');
    const [left, right] = [unitRows(items, width, random), unitRows(rows, width, random)];
    const ids = numbered(rows);
    expect(await search(left, right, width, ids, k)).toEqual(bruteForce(left, right, width, ids, k));
  });

  it('are the same read in another order, on another device, and with fewer rows than asked for', async () => {
    const random = createRandom(3, 'neighbours');
    const [left, right] = [unitRows(6, 4, random), unitRows(40, 4, random)];
    const forward = await search(left, right, 4, numbered(40), 50);
    expect(forward[0]).toHaveLength(40);
    const turned = new Float32Array(right.length);
    for (let i = 0; i < 40; i++) turned.set(right.subarray(i * 4, i * 4 + 4), (39 - i) * 4);
    expect(await search(left, turned, 4, numbered(40).reverse(), 50)).toEqual(forward);
    expect(await search(left, right, 4, numbered(40), 50, 'tfjs')).toEqual(forward);
  });

  it('of a zero vector have cosine 0', async () => {
    const [[first]] = (await search(new Float32Array(3), Float32Array.of(1, 0, 0, 0, 1, 0), 3, numbered(2), 2)) as [
      [{ row: number; cosine: number }],
    ];
    expect(first).toEqual({ row: 0, cosine: 0 });
  });
});
