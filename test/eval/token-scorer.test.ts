import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { lengthBuckets } from '../../lib/eval/length-buckets';
import type { PickScore, ScoringRow, TokenScorer } from '../../lib/eval/loglikelihood';
import { splitOverlong } from '../../lib/eval/overlong';
import { createTokenScorer } from '../../lib/eval/token-scorer';
import { sharedRows } from '../../lib/eval/token-tree';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { TINY, tinyFolder, tinyWeights } from '../model/tiny-llama';
import { xlaPossible } from '../xla/device';
import { byteTokenizer, seenBy } from './fakes';

const LONG = { ...TINY, maxPositionEmbeddings: 160 };

describe('scoring rows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'scorer-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let device: Device;
  beforeAll(async () => {
    device = await openDevice('cpu', 2);
  });

  /** Sequences of every length from 1 to the context, five of one beginning after another; some are equal. */
  function trees(count: number): ScoringRow[] {
    const random = createRandom(9, 'rows');
    const tokens = (length: number) => Array.from({ length }, () => random.int(LONG.vocabSize));
    return Array.from({ length: count }, (_, i) => {
      const shared = tokens(i === 0 ? 1 : i === 1 ? LONG.maxPositionEmbeddings : 1 + random.int(120));
      const room = LONG.maxPositionEmbeddings - shared.length;
      const branches = i < 2 ? [[]] : [[], tokens(1), [3], [3, 4], tokens(random.int(room + 1)), [3]];
      const [row, ...more] = sharedRows(
        branches.map((branch) => [...shared, ...branch]),
        1e9,
      );
      expect(more).toEqual([]);
      return {
        tree: row!.tree,
        picks: row!.tree.tokens.map((_, node) => ({ node, target: random.int(LONG.vocabSize) })).reverse(),
      };
    });
  }

  const collect = async (scorer: TokenScorer, rows: readonly ScoringRow[]): Promise<(readonly PickScore[])[]> => {
    const all: (readonly PickScore[])[] = [];
    for await (const { row, scores } of scorer.scoreRows(rows)) all[row] = scores;
    return all;
  };
  /** One sequence, one question: nothing shared. */
  const alone = (row: ScoringRow, { node, target }: ScoringRow['picks'][number]): ScoringRow => {
    const tokens = seenBy(row, node);
    const tree = { tokens, positions: tokens.map((_, i) => i), ends: tokens.map(() => tokens.length) };
    return { tree, picks: [{ node: tokens.length - 1, target }] };
  };

  test.each(['base', 'full'] as const)(
    'a tree of sequences in batches as one request at a time, %s',
    async (method) => {
      const base = await tinyFolder(join(folder, method), LONG);
      const state = await createState(device, method === 'full' ? tinyWeights(LONG) : {});
      const scorer = createTokenScorer(tunedModel(base, method), state, device);
      const rows = trees(12);
      const together = await collect(scorer, rows);
      const some = rows.flatMap((row, r) =>
        row.picks.flatMap((pick, p) => ((r + p) % 7 === 0 ? [{ row, pick, r, p }] : [])),
      );
      const single = await collect(
        scorer,
        some.map(({ row, pick }) => alone(row, pick)),
      );
      for (const [i, { r, p }] of some.entries()) {
        const [expected, found] = [single[i]![0]!, together[r]![p]!];
        expect(Math.abs(found.logProb - expected.logProb), `row ${r} pick ${p}`).toBeLessThan(1e-5);
        expect(found.isGreedy).toBe(expected.isGreedy);
        expect(found.logProb).toBeLessThan(0);
      }
    },
  );

  test.runIf(xlaPossible)('on XLA the scores are ONNX Runtime’s', async () => {
    const base = await tinyFolder(join(folder, 'xla'), LONG);
    const rows = trees(4);
    const [here, there] = await Promise.all(
      [device, await openDevice('xla:cpu')].map(async (on) =>
        collect(createTokenScorer(tunedModel(base, 'base'), await createState(on, {}), on), rows),
      ),
    );
    for (const [r, scores] of here!.entries()) {
      for (const [p, { logProb, isGreedy }] of scores.entries()) {
        expect(Math.abs(there![r]![p]!.logProb - logProb), `row ${r} pick ${p}`).toBeLessThan(1e-5);
        expect(there![r]![p]!.isGreedy).toBe(isGreedy);
      }
    }
  });

  test('who stops reading stops the model', async () => {
    const base = await tinyFolder(join(folder, 'stopped'), LONG);
    const scorer = createTokenScorer(tunedModel(base, 'base'), await createState(device, {}), device);
    for await (const { scores } of scorer.scoreRows(trees(3))) {
      expect(scores[0]!.logProb).toBeLessThan(0);
      break;
    }
    expect(await collect(scorer, trees(3))).toHaveLength(3);
  });

  test('the vocabulary’s probabilities sum to one and one token is greedy', async () => {
    const base = await tinyFolder(join(folder, 'sum'), LONG);
    const scorer = createTokenScorer(tunedModel(base, 'base'), await createState(device, {}), device);
    const tokens = [3, 1, 4, 1, 5];
    const picks = Array.from({ length: LONG.vocabSize }, (_, target) => ({ node: 4, target }));
    const tree = { tokens, positions: [0, 1, 2, 3, 4], ends: [5, 5, 5, 5, 5] };
    const [scores] = await collect(scorer, [{ tree, picks }]);
    expect(scores!.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 5);
    const best = scores!.reduce((a, b) => (b.logProb > a.logProb ? b : a));
    expect(scores!.filter((s) => s.isGreedy)).toEqual([best]);
  });

  test('no rows are no scores', async () => {
    const base = await tinyFolder(join(folder, 'none'), LONG);
    const scorer = createTokenScorer(tunedModel(base, 'base'), await createState(device, {}), device);
    expect(await collect(scorer, [])).toEqual([]);
  });
});

describe('length buckets', () => {
  const random = createRandom(4, 'lengths');
  const least = { mostPlaces: Number.POSITIVE_INFINITY, rowCost: (n: number) => n, graphCost: 0 };
  const buckets = (lengths: readonly number[], granularity = 16) => {
    const places = lengths.map(() => 1);
    return lengthBuckets(lengths, places, { ...least, granularity });
  };
  const cost = (lengths: readonly number[], granularity: number) =>
    buckets(lengths, granularity).reduce((sum, b) => sum + b.length * b.batches.flat().length, 0);

  /** The least total length over every choice of at most six of the distinct lengths. */
  function bruteForce(lengths: readonly number[], granularity: number): number {
    const rounded = lengths.map((n) => Math.ceil(n / granularity) * granularity);
    const distinct = [...new Set(rounded)].sort((a, b) => a - b);
    const longest = distinct.pop()!;
    let best = Number.POSITIVE_INFINITY;
    for (let chosen = 0; chosen < 2 ** distinct.length; chosen++) {
      const ends = [...distinct.filter((_, i) => (chosen >> i) & 1), longest];
      if (ends.length > 6) continue;
      best = Math.min(
        best,
        rounded.reduce((sum, n) => sum + ends.find((end) => n <= end)!, 0),
      );
    }
    return best;
  }

  test('padding is the least there can be', () => {
    for (let trial = 0; trial < 150; trial++) {
      const granularity = [1, 4, 16][trial % 3]!;
      const lengths = Array.from({ length: 1 + random.int(24) }, () => 1 + random.int(11 * granularity));
      expect(cost(lengths, granularity), `${lengths} by ${granularity}`).toBe(bruteForce(lengths, granularity));
    }
  });

  test('each row once, in a bucket as long as it; six at most; batches within their size', () => {
    for (let trial = 0; trial < 50; trial++) {
      const lengths = Array.from({ length: 1 + random.int(300) }, () => 1 + random.int(500));
      const found = buckets(lengths);
      expect(found.length).toBeLessThanOrEqual(6);
      expect(found.flatMap((b) => b.batches.flat()).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      for (const { length, batchSize, batches } of found) {
        expect(length % 16).toBe(0);
        expect(batchSize === 1 || batchSize * length <= 2048).toBe(true);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(batchSize);
          expect(Math.max(...batch.map((row) => lengths[row]!))).toBeLessThanOrEqual(length);
        }
      }
    }
  });

  test('lengths of one, one row, equal rows, none', () => {
    expect(buckets([1, 1, 1], 1)).toEqual([{ length: 1, batchSize: 3, batches: [[0, 1, 2]] }]);
    expect(buckets([1])).toEqual([{ length: 16, batchSize: 1, batches: [[0]] }]);
    expect(buckets([5000])).toEqual([{ length: 5008, batchSize: 1, batches: [[0]] }]);
    expect(buckets([700, 700, 700])).toEqual([{ length: 704, batchSize: 2, batches: [[0, 1], [2]] }]);
    expect(buckets([])).toEqual([]);
  });

  test('batches are equally full, and ask for no more than they may', () => {
    expect(buckets(Array(5).fill(500), 1).map(({ batchSize }) => batchSize)).toEqual([3]);
    const places = [1, 4, 2, 2, 9, 1];
    const options = { ...least, mostPlaces: 5, granularity: 1 };
    expect(lengthBuckets(Array(6).fill(10), places, options)[0]!.batches).toEqual([[0, 1], [2, 3], [4], [5]]);
  });

  test('a graph is compiled where padding costs more', () => {
    const ends = (graphCost: number) =>
      lengthBuckets([10, 10, 20], [1, 1, 1], { ...least, graphCost, granularity: 1 }).map(({ length }) => length);
    expect(ends(19)).toEqual([10, 20]);
    expect(ends(21)).toEqual([20]);
  });
});

describe('splitOverlong', () => {
  const item = (id: string, choices: readonly string[], question = 'Which?') => ({
    id,
    task: 'medqa',
    question,
    choices,
    answer: 0,
  });
  /** Task whose continuations are the choices' texts. */
  const byText = (id: string, choices: readonly string[], question?: string) => ({
    ...item(id, choices, question),
    task: 'headqa',
  });
  const ids = (items: readonly { readonly id: string }[]) => items.map(({ id }) => id);

  test('an answer longer than the context goes; a question may be as long as it likes', async () => {
    const items = [
      byText('short', ['yes', 'no']),
      byText('fits', ['no', 'x'.repeat(31)]), // a space and 31 letters
      byText('long', ['no', 'x'.repeat(32)]),
      byText('wordy', ['yes', 'no'], 'Why? '.repeat(100)),
      byText('longest', ['y'.repeat(400), 'no']),
    ];
    const { scorable, overlong } = await splitOverlong(items, byteTokenizer(), 32, 'never');
    expect(ids(overlong)).toEqual(['long', 'longest']);
    expect(ids(scorable)).toEqual(['short', 'fits', 'wordy']);
  });

  test('letters of an answer are never too long', async () => {
    const items = [item('letters', ['x'.repeat(400), 'y'.repeat(400)])];
    expect(ids((await splitOverlong(items, byteTokenizer(), 32, 'never')).scorable)).toEqual(['letters']);
  });

  test('tokens count, not bytes', async () => {
    const items = [byText('merged', ['no', 'ab'.repeat(31)])];
    expect(ids((await splitOverlong(items, byteTokenizer(['ab']), 32, 'never')).overlong)).toEqual([]);
    expect(ids((await splitOverlong(items, byteTokenizer(), 32, 'never')).overlong)).toEqual(['merged']);
  });

  test('nothing to split', async () => {
    expect(await splitOverlong([], byteTokenizer(), 32, 'never')).toEqual({ scorable: [], overlong: [] });
  });
});
