import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { encodeRequests } from '../../lib/eval/encode-request';
import type { TokenScorer } from '../../lib/eval/loglikelihood';
import { requestsOf } from '../../lib/eval/requests';
import { scoreItems } from '../../lib/eval/score';
import { taskOf } from '../../lib/eval/tasks/tasks';
import { TABLE_A2 } from '../../lib/paper/tables';

/** Reads nothing, gives every token the same probability. */
const uniform = (maxLength: number, vocabSize: number): TokenScorer => ({
  maxLength,
  vocabSize,
  balancedLength: 1000,
  scoreRows: async function* (rows) {
    for (const [row, { picks }] of rows.entries()) {
      yield { row, scores: picks.map(() => ({ logProb: -Math.log(vocabSize), isGreedy: false })) };
    }
  },
});

const DATA = '../shared/data';
const MODELS = '../shared/models';
const TOKENIZERS = [
  ...['llama2-tokenizer', 'stories260K', 'baby-llama-tok361'].map((name) => `${MODELS}/${name}`),
  'data/miniature/base',
  'test/fixtures/llama-tokenizer',
];

describe.skipIf(!existsSync(DATA) || !existsSync(MODELS))("the paper's evaluation sets", () => {
  it('are read once an item with the Llama-2 tokenizer, whole and without a seam', async () => {
    const { items } = await loadEvalItems(DATA);
    const tokenizer = await loadTokenizer(`${MODELS}/llama2-tokenizer`);
    const { tasks, rowCount } = await scoreItems(items, uniform(4096, 32000), tokenizer);
    const samples = TABLE_A2.filter((row) => tasks.some((task) => task.task === row.key));
    expect(tasks.map((task) => [task.task, task.n]).sort()).toEqual(
      samples.map((row) => [row.key, row.samples]).sort(),
    );
    for (const task of tasks) expect(task).toMatchObject({ seams: 0, truncatedItems: 0 });
    expect(tasks.reduce((sum, task) => sum + task.requests, 0)).toBe(4 * items.length - 500);
    // Letters take no token of their own; of HeadQA's whole answers a few are cheaper apart.
    expect(rowCount - items.length).toBeLessThan(0.02 * 2742);
  });

  // A BOS stands before both sides alike, so it changes none of these counts.
  it.each(TOKENIZERS)('have no request whose context merges with its continuation in %s', async (folder) => {
    const { items } = await loadEvalItems(DATA);
    // The paper's own tokenizer on every item; of the others every fourth, unless MED42_EVERYTHING=1.
    const whole = folder.endsWith('llama2-tokenizer') || process.env.MED42_EVERYTHING === '1';
    const asked = whole ? items : items.filter((_, i) => i % 4 === 0);
    const requests = asked.flatMap((item) => requestsOf(item, taskOf(item)));
    const tokenizer = await loadTokenizer(folder);
    let merged = 0;
    for (let start = 0; start < requests.length; start += 2048) {
      const encoded = await encodeRequests(requests.slice(start, start + 2048), tokenizer, 'never');
      merged += encoded.filter(({ seam }) => seam).length;
    }
    console.log(`${folder}: ${merged} of ${requests.length} requests`);
    expect([requests.length, merged]).toEqual([whole ? 38_648 : 9_663, 0]);
  });

  it.each([
    ['stories260K', 512, 512],
    ['baby-llama-tok361', 256, 361],
  ])('are cut, and it is counted, in %s', async (folder, maxLength, vocabSize) => {
    const { items } = await loadEvalItems(DATA);
    const some = items.filter((item) => item.task === 'pubmedqa');
    const tokenizer = await loadTokenizer(`${MODELS}/${folder}`);
    const { tasks } = await scoreItems(some, uniform(maxLength, vocabSize), tokenizer);
    expect(tasks[0]!.truncatedItems).toBeGreaterThan(400);
  });

  it('have an option longer than the smallest model can read', async () => {
    const { items } = await loadEvalItems(DATA);
    const long = items.filter((item) => item.id === 'headqa-test-Cuaderno_2016_1_E-3');
    const tokenizer = await loadTokenizer(`${MODELS}/baby-llama-tok361`);
    await expect(scoreItems(long, uniform(256, 361), tokenizer)).rejects.toThrow(
      /headqa-test-Cuaderno_2016_1_E-3 has a continuation of \d+ tokens, more than maxLength 256/,
    );
  });
});
