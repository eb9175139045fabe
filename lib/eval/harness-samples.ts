import { createHash } from 'node:crypto';
import type { EvalItem } from '../data/examples';
import { harnessDocument, harnessTarget } from './harness-documents';
import type { ItemResult } from './item-result';
import { requestsOf } from './requests';
import type { TaskDefinition } from './tasks/definition';

/** One line of the harness's `samples_TASK_DATE.jsonl`. */
export interface HarnessSample {
  readonly doc_id: number;
  readonly doc: Readonly<Record<string, unknown>>;
  readonly target: string;
  /** gen_args_0, gen_args_1, …: arg_0 is the context, arg_1 the continuation. */
  readonly arguments: Readonly<Record<string, { readonly arg_0: string; readonly arg_1: string }>>;
  /** [log-likelihood, whether greedy], as texts. */
  readonly resps: readonly (readonly (readonly [string, string])[])[];
  readonly filtered_resps: readonly (readonly [string, string])[];
  readonly filter: string;
  readonly metrics: readonly string[];
  readonly doc_hash: string;
  readonly prompt_hash: string;
  readonly target_hash: string;
  readonly acc: number;
  readonly acc_norm?: number;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * An item's result as the harness writes it.
 * Source: lm_eval/evaluator.py (fields and hashes), loggers/evaluation_tracker.py (how they are written).
 */
export function harnessSample(docId: number, item: EvalItem, task: TaskDefinition, result: ItemResult): HarnessSample {
  const requests = requestsOf(item, task);
  const doc = harnessDocument(item, task);
  const target = harnessTarget(item, task);
  const answers = result.logLikelihoods.map((logLikelihood, i): readonly [string, string] => [
    String(logLikelihood),
    result.isGreedy[i] ? 'True' : 'False',
  ]);
  const right = (prediction: number) => (prediction === result.answer ? 1 : 0);
  const normed = task.metrics.includes('accNorm');
  return {
    doc_id: docId,
    doc,
    target,
    arguments: Object.fromEntries(
      requests.map(({ context, continuation }, i) => [`gen_args_${i}`, { arg_0: context, arg_1: continuation }]),
    ),
    resps: answers.map((answer) => [answer]),
    filtered_resps: answers,
    filter: 'none',
    metrics: normed ? ['acc', 'acc_norm'] : ['acc'],
    doc_hash: sha256(JSON.stringify(doc, null, 2)),
    prompt_hash: sha256(requests[0]!.context),
    target_hash: sha256(target),
    acc: right(result.prediction),
    ...(normed ? { acc_norm: right(result.predictionNorm) } : {}),
  };
}

/** Of a task's samples: what was asked of which documents. Source: loggers/evaluation_tracker.py. */
export const harnessTaskHash = (samples: readonly HarnessSample[]): string =>
  sha256(samples.map((sample) => sample.doc_hash + sample.prompt_hash + sample.target_hash).join(''));

/** A sample as its numbers. */
export interface ReadSample {
  readonly docId: number;
  readonly docHash: string;
  readonly requests: readonly { readonly context: string; readonly continuation: string }[];
  readonly logLikelihoods: readonly number[];
  readonly isGreedy: readonly boolean[];
  readonly acc: number;
  readonly accNorm: number | null;
}

/**
 * The lines of a `samples_TASK_DATE.jsonl` of a multiple-choice task, in the order of their documents. One filter only.
 *
 * @param name how errors call the file
 * @throws naming file and line when it is not of that form
 */
export function readHarnessSamples(text: string, name: string): ReadSample[] {
  const samples = text
    .split('\n')
    .map((line, i) => (line.trim() === '' ? undefined : readSample(line, `${name} line ${i + 1}`)))
    .filter((sample) => sample !== undefined);
  return samples.sort((a, b) => a.docId - b.docId);
}

function readSample(line: string, place: string): ReadSample {
  const refuse = (what: string): never => {
    throw new Error(
      `harness files: ${place} ${what}; give a samples file of a multiple-choice task, of lm-evaluation-harness 0.4`,
    );
  };
  let raw: Partial<HarnessSample> = {};
  try {
    raw = JSON.parse(line) as Partial<HarnessSample>;
  } catch (error) {
    refuse(`is not JSON (${(error as Error).message})`);
  }
  const { doc_id: docId, doc_hash: docHash, arguments: args, filtered_resps: answers, filter, acc } = raw;
  if (!Number.isSafeInteger(docId) || typeof docHash !== 'string') refuse('has no "doc_id" or no "doc_hash"');
  if (filter !== 'none') refuse(`has filter ${JSON.stringify(filter)}, required "none"`);
  if (typeof args !== 'object' || !Array.isArray(answers)) refuse('has no "arguments" or no "filtered_resps"');
  if (typeof acc !== 'number') refuse('has no "acc"');
  const requests = answers!.map((_, i) => {
    const { arg_0: context, arg_1: continuation } = args![`gen_args_${i}`] ?? {};
    if (typeof context !== 'string' || typeof continuation !== 'string') refuse(`has no request ${i}`);
    return { context: context as string, continuation: continuation as string };
  });
  const logLikelihoods = answers!.map(([value]) => Number(value));
  if (logLikelihoods.some(Number.isNaN)) refuse('has a response that is no number');
  return {
    docId: docId!,
    docHash: docHash!,
    requests,
    logLikelihoods,
    isGreedy: answers!.map(([, greedy]) => greedy === 'True'),
    acc: acc!,
    accNorm: raw.acc_norm ?? null,
  };
}
