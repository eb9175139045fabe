import type { EvalItem } from '../data/examples';
import { type Proportion, proportion } from '../statistics/proportion';
import type { BosPolicy } from './encode-request';
import type { LoglikelihoodResult } from './loglikelihood';
import { chanceLevel, firstMaximum, majorityBaseline, perByte, perCharacter, perToken } from './metrics';
import type { TaskDefinition, TaskVariant } from './tasks/definition';
import type { TaskName } from './tasks/tasks';

/** One item, with all that a later comparison needs. Places are places in the task's `docToChoice`. */
export interface ItemResult {
  readonly id: string;
  readonly task: TaskName;
  readonly logLikelihoods: readonly number[];
  readonly isGreedy: readonly boolean[];
  /** Tokens of each continuation. */
  readonly tokenCounts: readonly number[];
  readonly prediction: number;
  readonly predictionNorm: number;
  readonly answer: number;
  readonly tied: boolean;
  readonly tiedNorm: boolean;
  /** The most tokens that one of its requests lost on the left. */
  readonly truncatedTokens: number;
  /** Requests whose context does not tokenise to a prefix of the whole. */
  readonly seams: number;
}

/** Whether the choice that was taken is the answer. */
export const isRight = ({ prediction, answer }: Pick<ItemResult, 'prediction' | 'answer'>): boolean =>
  prediction === answer;

/** One row of the results table. */
export interface TaskResult {
  readonly task: TaskName;
  readonly variant: TaskVariant;
  readonly version: string;
  readonly bos: BosPolicy;
  /** Items scored, of how many given; the seed of the sample, null when all were scored. */
  readonly n: number;
  readonly available: number;
  readonly seed: number | null;
  readonly acc: Proportion;
  /** By characters, the harness's `acc_norm`; null where the harness does not report it. */
  readonly accNorm: Proportion | null;
  /** The same by bytes, the harness's `acc_bytes`, and by tokens. */
  readonly accBytes: Proportion | null;
  readonly accTokens: Proportion | null;
  /** Items whose maximum was shared; the first choice was taken. */
  readonly ties: number;
  readonly tiesNorm: number;
  /** Mean of 1/choices. */
  readonly chance: number;
  /** The best constant answer and its accuracy. */
  readonly majority: { readonly answer: number; readonly share: number };
  readonly requests: number;
  readonly requestHash: string;
  readonly truncatedItems: number;
  /** Tokens lost, summed over items and the most of one. */
  readonly truncatedTokens: number;
  readonly truncatedTokensMax: number;
  readonly seams: number;
}

/** An item's result from those of its requests, in the order of its choices. */
export function itemResult(item: EvalItem, task: TaskDefinition, results: readonly LoglikelihoodResult[]): ItemResult {
  const logLikelihoods = results.map((result) => result.logLikelihood);
  const decision = firstMaximum(logLikelihoods);
  const decisionNorm = firstMaximum(perCharacter(logLikelihoods, task.docToChoice(item)));
  return {
    id: item.id,
    task: task.name,
    logLikelihoods,
    isGreedy: results.map((result) => result.isGreedy),
    tokenCounts: results.map((result) => result.tokenCount),
    prediction: decision.index,
    predictionNorm: decisionNorm.index,
    answer: task.docToTarget(item),
    tied: decision.tied,
    tiedNorm: decisionNorm.tied,
    truncatedTokens: Math.max(...results.map((result) => result.truncatedTokens)),
    seams: results.filter((result) => result.seam).length,
  };
}

/** What the results of a task's items come to; `items` are those items, in the same order. */
export function summary(results: readonly ItemResult[], items: readonly EvalItem[], task: TaskDefinition) {
  const n = results.length;
  const count = (holds: (result: ItemResult) => boolean) => results.filter(holds).length;
  const share = (decide: (result: ItemResult, choices: readonly string[]) => number) => {
    const right = results.filter((result, i) =>
      isRight({ prediction: decide(result, task.docToChoice(items[i]!)), answer: result.answer }),
    );
    return proportion(right.length, n);
  };
  const normed = (decide: Parameters<typeof share>[0]) => (task.metrics.includes('accNorm') ? share(decide) : null);
  return {
    n,
    acc: share(({ prediction }) => prediction),
    accNorm: normed(({ predictionNorm }) => predictionNorm),
    accBytes: normed((result, choices) => firstMaximum(perByte(result.logLikelihoods, choices)).index),
    accTokens: normed(({ logLikelihoods, tokenCounts }) => firstMaximum(perToken(logLikelihoods, tokenCounts)).index),
    ties: count(({ tied }) => tied),
    tiesNorm: count(({ tiedNorm }) => tiedNorm),
    chance: chanceLevel(results.map(({ logLikelihoods }) => logLikelihoods.length)),
    majority: majorityBaseline(results.map(({ answer }) => answer)),
    truncatedItems: count(({ truncatedTokens }) => truncatedTokens > 0),
    truncatedTokens: results.reduce((sum, { truncatedTokens }) => sum + truncatedTokens, 0),
    truncatedTokensMax: results.reduce((most, { truncatedTokens }) => Math.max(most, truncatedTokens), 0),
    seams: results.reduce((sum, { seams }) => sum + seams, 0),
  };
}
