import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type EvalItem, loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { type BosPolicy, encodeRequests } from '../../lib/eval/encode-request';
import type { PickScore, TokenScorer } from '../../lib/eval/loglikelihood';
import { requestHash, requestsOf } from '../../lib/eval/requests';
import { scoreItems } from '../../lib/eval/score';
import { taskNamed, taskOf } from '../../lib/eval/tasks';
import { seenBy } from '../eval/fakes';

/** What harness_scores.py writes: lm-evaluation-harness's own requests, token ids, scores and metrics. */
interface HarnessRecord {
  readonly harness: string;
  readonly bos: BosPolicy;
  readonly maxLength: number;
  readonly vocabSize: number;
  readonly data: string;
  readonly model: string;
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly requestHash: string;
        readonly results: Readonly<Record<string, number | 'N/A'>>;
        readonly items: readonly {
          readonly item: EvalItem;
          readonly acc: number;
          readonly accNorm: number | null;
          readonly requests: readonly {
            readonly contextIds: readonly number[];
            readonly continuationIds: readonly number[];
            readonly input: readonly number[];
            readonly picks: readonly (readonly [
              position: number,
              target: number,
              logProb: number,
              isGreedy: boolean,
            ])[];
            readonly logLikelihood: number;
            readonly isGreedy: boolean;
          }[];
        }[];
      }
    >
  >;
}

const path = process.env.MED42_HARNESS_SCORES;
const record = path ? (JSON.parse(readFileSync(path, 'utf8')) as HarnessRecord) : undefined;

/** A model that answers from the record, and knows nothing that the harness did not ask of its own. */
function replay({ tasks, maxLength, vocabSize }: HarnessRecord): TokenScorer {
  const known = new Map<string, PickScore>();
  const key = (seen: readonly number[], target: number) => `${seen.join()} ${target}`;
  for (const { input, picks } of Object.values(tasks).flatMap((task) => task.items.flatMap((one) => one.requests))) {
    for (const [position, target, logProb, isGreedy] of picks) {
      known.set(key(input.slice(0, position + 1), target), { logProb, isGreedy });
    }
  }
  const find = (seen: readonly number[], target: number): PickScore => {
    const score = known.get(key(seen, target));
    if (!score) throw new Error(`the harness never asked for token ${target} after ${seen.join()}`);
    return score;
  };
  return {
    maxLength,
    vocabSize,
    balancedLength: 1000,
    scoreRows: async function* (rows) {
      for (const [i, row] of rows.entries()) {
        const scores = row.picks.map(({ node, target }) => find(seenBy(row, node), target));
        yield { row: i, scores };
      }
    },
  };
}

describe.skipIf(!record)(`lm-evaluation-harness ${record?.harness}, bos ${record?.bos}`, () => {
  it('asks the same strings of every item', async () => {
    const { items } = await loadEvalItems(record!.data);
    for (const [name, { requestHash: expected }] of Object.entries(record!.tasks)) {
      const own = items.filter((item) => taskOf(item).name === name);
      const requests = own.flatMap((item) => requestsOf(item, taskNamed(name)));
      expect([name, requestHash(requests)]).toEqual([name, expected]);
    }
  });

  it('cuts the same token ids', async () => {
    const tokenizer = await loadTokenizer(record!.model);
    for (const [name, { items }] of Object.entries(record!.tasks)) {
      for (const { item, requests } of items) {
        const encoded = await encodeRequests(requestsOf(item, taskNamed(name)), tokenizer, record!.bos);
        expect(encoded.map(({ context, continuation }) => [context, continuation])).toEqual(
          requests.map(({ contextIds, continuationIds }) => [contextIds, continuationIds]),
        );
      }
    }
  });

  it('reads the same inputs, and gives the same sums, decisions and metrics', async () => {
    const tokenizer = await loadTokenizer(record!.model);
    const entries = Object.values(record!.tasks).flatMap((task) => task.items);
    const { tasks, items } = await scoreItems(
      entries.map((one) => one.item),
      replay(record!),
      tokenizer,
      { bos: record!.bos },
    );
    const byId = new Map(entries.map((one) => [one.item.id, one]));
    for (const result of items) {
      const { acc, accNorm, requests } = byId.get(result.id)!;
      expect(result.isGreedy).toEqual(requests.map((request) => request.isGreedy));
      for (const [i, { logLikelihood }] of requests.entries()) {
        expect(result.logLikelihoods[i]).toBeCloseTo(logLikelihood, 3);
      }
      expect(Number(result.prediction === result.answer)).toBe(acc);
      if (accNorm !== null) expect(Number(result.predictionNorm === result.answer)).toBe(accNorm);
    }
    for (const task of tasks) {
      const { results } = record!.tasks[task.task]!;
      expect(task.acc.value).toBeCloseTo(Number(results['acc,none']), 12);
      expect(task.acc.stderr).toBeCloseTo(Number(results['acc_stderr,none']), 12);
      const norm = results['acc_norm,none'];
      expect([task.task, task.accNorm === null]).toEqual([task.task, norm === undefined]);
      if (task.accNorm) expect(task.accNorm.value).toBeCloseTo(Number(norm), 12);
    }
  });
});
