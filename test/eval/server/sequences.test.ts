import { describe, expect, it } from 'vitest';
import { sequencesOf } from '../../../lib/eval/server/sequences';
import { sharedRows } from '../../../lib/eval/token-tree';
import { createRandom } from '../../../lib/random';
import { seenBy } from '../fakes';

describe('rows as sequences', () => {
  it('answer every pick once, after what the pick sees, and no sequence stands in another', () => {
    const random = createRandom(1, 'sequences');
    for (let round = 0; round < 200; round++) {
      const context = Array.from({ length: 1 + random.int(4) }, () => random.int(3));
      const answers = Array.from({ length: 1 + random.int(5) }, () =>
        Array.from({ length: 1 + random.int(4) }, () => random.int(3)),
      );
      const [row] = sharedRows(
        answers.map((answer) => [...context, ...answer.slice(0, -1)]),
        Number.POSITIVE_INFINITY,
      );
      const { tree, paths } = row!;
      const picks = answers.flatMap((answer, i) =>
        answer.map((target, k) => ({ node: paths.get(i)!.slice(-answer.length)[k]!, target })),
      );
      const sequences = sequencesOf({ tree, picks });
      const answered = sequences.flatMap(({ tokens, picks: of }) =>
        of.map(({ pick, place }) => {
          const { node, target } = picks[pick]!;
          expect(tokens.slice(0, place)).toEqual(seenBy({ tree, picks }, node));
          expect(tokens[place]).toBe(target);
          return pick;
        }),
      );
      expect(answered.sort((a, b) => a - b)).toEqual([...picks.keys()]);
      const wholes = new Set(answers.map((answer) => [...context, ...answer].join(' ')));
      const longest = [...wholes].filter(
        (one) => ![...wholes].some((other) => other !== one && other.startsWith(`${one} `)),
      );
      expect(sequences.map(({ tokens }) => tokens.join(' ')).sort()).toEqual(longest.sort());
    }
  });
});
