import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChunkTensors } from '../../lib/data/packing/chunks';
import { encodeRequests } from '../../lib/eval/encode-request';
import { requestsToScore } from '../../lib/eval/score';
import { openInputs, type RunInputs } from '../../lib/run/inputs';
import { type ModelInputs, readModelInputs, writeModelInputs } from '../../lib/run/model-inputs';
import { PRESETS } from '../../lib/run/presets';
import { MINIATURE } from './child';

const out = mkdtempSync(join(tmpdir(), 'inputs-'));
afterAll(() => rmSync(out, { recursive: true }));
const base = join(MINIATURE, 'base');

let made: RunInputs;
let read: ModelInputs;
beforeAll(async () => {
  made = await openInputs({ data: MINIATURE, model: base }, PRESETS.smoke);
  read = await readModelInputs(await writeModelInputs(made, out), base);
});

test('a model’s process reads the very chunks, items and settings that the run made', () => {
  const tensors = ({ tokens, targets, weights, segments, positions }: ChunkTensors) => [
    ...[tokens, targets, weights, segments, positions].map((values) => [...values]),
  ];
  expect(Array.from(read.chunks, tensors)).toEqual(Array.from(made.chunks, tensors));
  expect(Array.from(read.heldOut, tensors)).toEqual(Array.from(made.heldOut, tensors));
  expect([read.items, read.quiz, read.config]).toEqual([made.items, made.quiz, made.config]);
});

test('questions have the token ids that the tokenizer gives them, in any order; others are refused', async () => {
  const { limitPerTask, seed, bos } = made.config;
  const options = { limitPerTask: limitPerTask!, seed };
  for (const asked of [made.items, made.quiz!]) {
    const requests = requestsToScore(asked, options).reverse();
    expect(requests.length).toBeGreaterThan(20);
    expect(await read.encode(requests)).toEqual(await encodeRequests(requests, made.tokenizer, bos));
  }
  const [other] = requestsToScore(made.items, options);
  await expect(read.encode([{ ...other!, continuation: ' another' }])).rejects.toThrow(
    `loglikelihood: item ${other!.id} asks " another", for which no token ids were stored; start the run again`,
  );
});

test('equal inputs are written to one place, others beside them', async () => {
  const folder = await writeModelInputs(made, out);
  expect(await writeModelInputs(made, out)).toBe(folder);
  expect(await writeModelInputs({ ...made, items: made.items.slice(1) }, out)).not.toBe(folder);
});
