import type { PickScore, ScoredRow, ScoringRow, TokenScorer } from '../loglikelihood';
import type { ServerClient } from './client';
import { readPrompt } from './completions';
import { type AskedSequence, sequencesOf } from './sequences';

export interface ServerScorerOptions {
  /** As the server names it. */
  readonly model: string;
  readonly maxLength: number;
  readonly vocabSize: number;
  /** Requests under way at the same time. */
  readonly atOnce: number;
  /** When it is aborted, a request that fails is not tried again: there is nothing to wait for. */
  readonly signal?: AbortSignal;
  /** What there is to ask, before the first request. */
  readonly onPlan?: (cost: ServerCost) => void;
  /** What was asked so far, after each request. */
  readonly onCost?: (cost: ServerCost) => void;
}

export interface ServerCost {
  readonly requests: number;
  readonly promptTokens: number;
}

/**
 * A model behind a server as a scorer. It reads token ids, so that the server's own tokenizer has no part in it: what is
 * scored, and where a context ends, is as in a local run.
 *
 * When a request fails for good no other is begun; those under way are waited for and their rows given out first.
 *
 * Differs: a token that shares the maximum counts as greedy, for a server does not say which of the two is first.
 */
export function createServerScorer(client: ServerClient, options: ServerScorerOptions): TokenScorer {
  return {
    maxLength: options.maxLength,
    vocabSize: options.vocabSize,
    // Branches cost a server nothing: the requests of an item are one row, which is done or not.
    balancedLength: Number.POSITIVE_INFINITY,
    scoreRows: (rows) => scoreRows(client, options, rows),
  };
}

async function* scoreRows(
  client: ServerClient,
  { model, atOnce, signal, onPlan, onCost }: ServerScorerOptions,
  rows: readonly ScoringRow[],
): AsyncGenerator<ScoredRow> {
  const tasks = rows.map((row) => (row.known ? [] : sequencesOf(row)));
  const all = tasks.flat();
  onPlan?.({ requests: all.length, promptTokens: all.reduce((sum, { tokens }) => sum + tokens.length, 0) });
  const open = tasks.map((sequences) => sequences.length);
  const scores = rows.map((): PickScore[] => []);
  const queue = tasks.flatMap((sequences, row) => sequences.map((sequence) => ({ row, sequence })))[Symbol.iterator]();
  const [end, failed] = [new AbortController(), new AbortController()];
  const lastTry = signal ? AbortSignal.any([failed.signal, signal]) : failed.signal;
  const finished: number[] = [];
  let wake = () => {};
  let cost: ServerCost = { requests: 0, promptTokens: 0 };

  const ask = async (row: number, { tokens, picks }: AskedSequence) => {
    const read = await readPrompt(client, model, tokens, 1, { signal: end.signal, lastTry });
    for (const { pick, place } of picks) scores[row]![pick] = read.scoreAt(place, tokens[place]!);
    cost = { requests: cost.requests + 1, promptTokens: cost.promptTokens + read.promptTokens };
    onCost?.(cost);
    if (--open[row]! === 0) finished.push(row);
    wake();
  };
  const worker = async () => {
    for (let next = queue.next(); !next.done && !failed.signal.aborted; next = queue.next()) {
      await ask(next.value.row, next.value.sequence).catch((error: unknown) => {
        // The first failure is the one that is told.
        if (!failed.signal.aborted) failed.abort(error);
      });
    }
  };
  let working = true;
  const workers = Promise.all(Array.from({ length: atOnce }, worker)).then(() => {
    working = false;
    wake();
  });
  try {
    while (working || finished.length > 0) {
      const row = finished.shift();
      if (row !== undefined) yield { row, scores: scores[row]! };
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (!working || finished.length > 0) resolve();
        });
    }
    if (failed.signal.aborted) throw failed.signal.reason;
  } finally {
    end.abort();
    await workers;
  }
}
