import { describe, expect, it } from 'vitest';
import { isChain, sharedRows } from '../../lib/eval/token-tree';
import { createRandom } from '../../lib/random';
import { seenBy } from './fakes';

const JOINING = 1e9;
const rowsOf = (sequences: readonly (readonly number[])[], balance = JOINING) => sharedRows(sequences, balance);

describe('sharedRows', () => {
  it('writes what sequences share once, each node under the one before it', () => {
    const [row, ...more] = rowsOf([
      [5, 6, 7, 1],
      [5, 6, 7, 2, 3],
      [5, 6, 7],
    ]);
    expect(more).toEqual([]);
    expect(row!.tree).toEqual({
      tokens: [5, 6, 7, 1, 2, 3],
      positions: [0, 1, 2, 3, 3, 4],
      ends: [6, 6, 6, 4, 6, 6],
    });
    expect([...row!.paths]).toEqual([
      [2, [0, 1, 2]],
      [0, [0, 1, 2, 3]],
      [1, [0, 1, 2, 4, 5]],
    ]);
    expect(isChain(row!.tree)).toBe(false);
    expect(isChain(rowsOf([[1, 2], [1]])[0]!.tree)).toBe(true);
  });

  it('gives each sequence its own tokens back along its path, and to no node more than that', () => {
    const random = createRandom(3);
    for (let trial = 0; trial < 200; trial++) {
      const sequences = Array.from({ length: 1 + random.int(6) }, () =>
        Array.from({ length: 1 + random.int(8) }, () => random.int(2)),
      );
      const rows = rowsOf(sequences, [JOINING, 4, 0.1][trial % 3]);
      const found = rows.flatMap((row) => [...row.paths].map(([s, path]) => ({ row, s, path })));
      expect(found.map(({ s }) => s).sort((a, b) => a - b)).toEqual(sequences.map((_, i) => i));
      for (const { row, s, path } of found) {
        expect(path.map((node) => row.tree.tokens[node])).toEqual(sequences[s]);
        expect(path.map((node) => row.tree.positions[node])).toEqual(path.map((_, i) => i));
        expect(seenBy({ tree: row.tree, picks: [] }, path.at(-1)!)).toEqual(sequences[s]);
      }
    }
  });

  it('keeps apart what is cheaper apart: other beginnings, long branches after little', () => {
    const count = (sequences: readonly (readonly number[])[], balance: number) => rowsOf(sequences, balance).length;
    const long = (first: number) => Array.from({ length: 50 }, (_, i) => first + i);
    const [question, answers] = [long(0), [100, 200, 300].map(long)];
    expect(
      count(
        [
          [1, 2],
          [2, 3],
          [1, 2],
        ],
        JOINING,
      ),
    ).toBe(2);
    expect(
      count(
        answers.map((answer) => [...question, ...answer.slice(0, 2)]),
        50,
      ),
    ).toBe(1);
    expect(
      count(
        answers.map((answer) => [9, ...answer]),
        50,
      ),
    ).toBe(3);
    expect(
      count(
        answers.map((answer) => [9, ...answer]),
        50_000,
      ),
    ).toBe(1);
    expect(rowsOf([])).toEqual([]);
  });
});
