import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvalItem } from '../data/examples';
import type { Tokenizer } from '../data/tokenizer';
import type { Device } from '../engine/device';
import { createState, type DeviceState } from '../engine/state';
import { itemsToJsonl, tasksToCsv } from '../eval/records';
import { type ScoreResult, scoreItems } from '../eval/score';
import { createTokenScorer } from '../eval/token-scorer';
import { writeFileAtomic } from '../files';
import type { TunedModel } from '../model/tuned';
import { hashOf } from '../train/checkpoint';
import { json } from './data-stage';
import type { RunConfig } from './presets';
import { createProgress } from './progress';

export interface ScoringStage {
  readonly items: readonly EvalItem[];
  readonly config: RunConfig;
  readonly tokenizer: Tokenizer;
  readonly device: Device;
  readonly out: string;
  /** Stops after the rows in hand. */
  readonly signal: AbortSignal;
}

/**
 * Scores one model zero-shot, or reads the scores that an earlier start of this run wrote;
 * writes scores/NAME.json, .csv and, item by item, .jsonl.
 *
 * @param weights says which weights these are
 */
export async function scoreModel(
  label: string,
  name: 'base' | 'lora' | 'full',
  model: TunedModel,
  state: DeviceState | undefined,
  weights: unknown,
  stage: ScoringStage,
): Promise<ScoreResult> {
  const { items, config, tokenizer, device, out, signal } = stage;
  const { limitPerTask, bos, seed } = config;
  const identity = hashOf({
    weights,
    items,
    limitPerTask,
    bos,
    seed,
    device: device.name,
    tokenizer: tokenizer.sha256,
  });
  const file = join(out, 'scores', `${name}.json`);
  const progress = createProgress(label);
  const known = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  if (known?.identity === identity) {
    progress.say(`${label}  was done; its scores are used`);
    return known.result as ScoreResult;
  }
  const held = state ?? (await createState(device, {}));
  const result = await scoreItems(items, createTokenScorer(model, held, device), tokenizer, {
    bos,
    seed,
    ...(limitPerTask === null ? {} : { limitPerTask }),
    onProgress: (done, total) => {
      progress.at(done, total, 'rows');
      if (signal.aborted && done < total) {
        throw new Error(`score: interrupted after row ${done} of ${total}; the same command scores this model anew`);
      }
    },
  });
  await writeFileAtomic(join(out, 'scores', `${name}.jsonl`), itemsToJsonl(result.items));
  await writeFileAtomic(join(out, 'scores', `${name}.csv`), tasksToCsv(result.tasks));
  await writeFileAtomic(file, json({ identity, result }));
  return result;
}
