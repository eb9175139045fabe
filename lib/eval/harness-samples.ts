import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { EvalItem } from '../data/examples';
import { count, looseFields, parseFields, range, record, text } from '../schema';
import { harnessDocument, harnessTarget } from './harness-documents';
import { type ItemResult, isRight } from './item-result';
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
  const right = (prediction: number) => Number(isRight({ prediction, answer: result.answer }));
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

const logLikelihood = v.pipe(
  v.union([v.string(), v.number()], 'a number'),
  v.transform(Number),
  v.check((value) => !Number.isNaN(value), 'a number'),
);
const greedy = v.pipe(
  v.union([v.picklist(['True', 'False']), v.boolean()], 'True or False'),
  v.transform((said) => said === 'True' || said === true),
);
const SAMPLE = looseFields(
  { acc_norm: range(0, 1) },
  {
    doc_id: count,
    doc_hash: text,
    filter: v.literal('none', '"none"'),
    arguments: record(looseFields({}, { arg_0: text, arg_1: text }), 'an object of requests'),
    filtered_resps: v.pipe(
      v.array(v.tuple([logLikelihood, greedy], 'a log-likelihood, and whether it is greedy'), 'a list of responses'),
      v.minLength(1, 'a list of responses'),
    ),
    acc: range(0, 1),
  },
);

function readSample(line: string, place: string): ReadSample {
  const remedy = 'give a samples file of a multiple-choice task, of lm-evaluation-harness 0.4';
  const raw = parseFields(SAMPLE, line, `harness files: ${place}`, remedy);
  const requests = raw.filtered_resps.map((_, i) => {
    const request = raw.arguments[`gen_args_${i}`];
    if (!request) throw new Error(`harness files: ${place} has no request ${i}; ${remedy}`);
    return { context: request.arg_0, continuation: request.arg_1 };
  });
  return {
    docId: raw.doc_id,
    docHash: raw.doc_hash,
    requests,
    logLikelihoods: raw.filtered_resps.map(([value]) => value),
    isGreedy: raw.filtered_resps.map(([, greedily]) => greedily),
    acc: raw.acc,
    accNorm: raw.acc_norm ?? null,
  };
}
