import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRecord } from '../compare/run-record';
import type { EvalItem } from '../data/examples';
import type { Device } from '../engine/device';
import type { DeviceState } from '../engine/state';
import { isRight } from '../eval/item-result';
import { itemsToJsonl, tasksToCsv } from '../eval/records';
import { type ScoreResult, scoreItems } from '../eval/score';
import { openScoreFile } from '../eval/score-file';
import { createTokenScorer } from '../eval/token-scorer';
import { writeFileAtomic } from '../files';
import type { TunedModel } from '../model/tuned';
import type { ModelInputs } from './model-inputs';
import type { OpenProgress } from './progress';

export interface ScoringStage {
  readonly device: Device;
  readonly out: string;
  readonly progress: OpenProgress;
  /** Stops after the rows in hand. */
  readonly signal: AbortSignal;
}

/**
 * Scores one model zero-shot, on the run's items and on its quiz where there is one; writes scores/NAME.csv and .jsonl.
 * What an interrupted start had scored is kept beside them until the model is done.
 *
 * @param identity of the model and the items: results of others are not kept
 */
export async function scoreModel(
  name: string,
  identity: string,
  label: string,
  { model, state }: { readonly model: TunedModel; readonly state: DeviceState },
  { items, quiz: questions, config, tokenizer, encode }: ModelInputs,
  { device, out, progress: open, signal }: ScoringStage,
): Promise<Pick<ModelRecord, 'scores' | 'quiz'>> {
  const { limitPerTask, bos, seed } = config;
  const scorer = createTokenScorer(model, state, device);
  const partial = (part: string) => join(out, 'scores', `${name}.${part}.partial.jsonl`);
  const score = async (asked: readonly EvalItem[], title: string, part: string): Promise<ScoreResult> => {
    const progress = open(title);
    const store = await openScoreFile(partial(part), identity);
    return scoreItems(asked, scorer, tokenizer, {
      bos,
      encode,
      seed,
      ...(limitPerTask === null ? {} : { limitPerTask }),
      known: store.known,
      onItem: store.append,
      onProgress: (done, total) => {
        progress.at(done, total, 'rows');
        if (signal.aborted && done < total) {
          throw new Error(`score: interrupted after row ${done} of ${total}; the same command goes on from there`);
        }
      },
    });
  };
  const scores = await score(items, label, 'items');
  const quiz = questions && (await score(questions, `${label} the quiz`, 'quiz'));
  await writeFileAtomic(join(out, 'scores', `${name}.jsonl`), itemsToJsonl(scores.items));
  await writeFileAtomic(join(out, 'scores', `${name}.csv`), tasksToCsv(scores.tasks));
  for (const part of ['items', 'quiz']) await rm(partial(part), { force: true });
  if (!quiz) return { scores, quiz: null };
  const correct = quiz.items.filter(isRight).length;
  return { scores, quiz: { correct, n: quiz.items.length, items: quiz.items } };
}
