import { createHash } from 'node:crypto';
import type { EvalItem } from '../data/examples';
import type { TaskDefinition } from './tasks/definition';

/** One question to the model: how likely is `continuation` after `context`? */
export interface LoglikelihoodRequest {
  /** The item it belongs to, for errors. */
  readonly id: string;
  readonly context: string;
  readonly continuation: string;
}

/**
 * The requests of an item, one for each choice, in the order of the choices.
 * Source: lm_eval/api/task.py, construct_requests of multiple_choice.
 */
export function requestsOf(item: EvalItem, task: TaskDefinition): LoglikelihoodRequest[] {
  const context = task.docToText(item);
  return task
    .docToChoice(item)
    .map((choice) => ({ id: item.id, context, continuation: `${task.targetDelimiter}${choice}` }));
}

/**
 * What was asked, in one hash: sha256 of a line `["context","continuation"]` (JSON, then a newline) for each request in order.
 * Two runs with one hash asked the same strings; item names are no part of it.
 * Differs: not the harness's task hash, which also covers its documents' fields.
 */
export function requestHash(requests: readonly LoglikelihoodRequest[]): string {
  const hash = createHash('sha256');
  for (const { context, continuation } of requests) hash.update(`${JSON.stringify([context, continuation])}\n`);
  return hash.digest('hex');
}
