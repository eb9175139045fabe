import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { assertFits } from '../data/tokenizer-fits';
import { openDevice } from '../engine/device';
import { createState } from '../engine/state';
import type { ScoredWith } from '../eval/harness-results';
import type { TokenScorer } from '../eval/loglikelihood';
import { createTokenScorer } from '../eval/token-scorer';
import { hashFiles } from '../hash';
import { hashWeights } from '../model/hash-weights';
import { trainerOf } from '../model/trainer-file';
import { tunedModel } from '../model/tuned';
import { nameOfModel } from './folder-name';
import { openAdapterAt, openModelAt } from './open-model';
import type { Progress } from './progress';
import type { ScoreCommand } from './score-options';
import { readTrainedTemplate } from './trained-template';

/** What scores: a model folder on a device here, or a server. */
export interface ScoringEngine {
  readonly tokenizer: Tokenizer;
  /** Tokens that the model reads at most. */
  readonly maxLength: number;
  /** What tells its results from those of another model. */
  readonly weights: unknown;
  /**
   * Makes ready what takes long: after all that can be refused was.
   *
   * @param signal aborted when the user wants an end
   */
  open(signal: AbortSignal): Promise<OpenEngine>;
}

export interface OpenEngine {
  readonly scorer: TokenScorer;
  /** What progress shows beside the number of items. */
  details(): string;
  /** How results name it. */
  named(): Pick<ScoredWith, 'model' | 'adapter' | 'trainer' | 'device' | 'server'>;
  dispose(): void;
}

/** @throws naming what is wrong with model, adapter or device */
export async function localEngine(command: ScoreCommand, progress: Progress): Promise<ScoringEngine> {
  const base = await openModelAt(command.model);
  const tokenizer = await loadTokenizer(command.model);
  assertFits(tokenizer, base.config.vocabSize);
  const adapter = command.adapter === null ? undefined : await openAdapterAt(command.adapter, base);
  if (command.variant === 'present' && (await readTrainedTemplate(command.adapter ?? command.model)) === 'med42') {
    progress.say('asked without the template med42 of its training, as the harness asks (with it: --variant chat)');
  }
  const weights = [await hashWeights(base), base.config, adapter ? await hashAdapter(command.adapter!) : null];
  const device = await openDevice(command.device, undefined, {
    flushDenormals: true,
    ...(command.plugin === undefined ? {} : { plugin: command.plugin }),
  });
  if (device.note) progress.say(device.note);
  const trainer = await trainerOf(command.adapter ?? command.model);
  if (trainer !== undefined) progress.say(`trained by ${trainer}`);
  return {
    tokenizer,
    maxLength: base.config.maxPositionEmbeddings,
    weights,
    open: async () => {
      const model = adapter ? tunedModel(adapter.base, 'lora', adapter.config) : tunedModel(base, 'base');
      const state = await createState(device, adapter?.adapter ?? {});
      return {
        scorer: createTokenScorer(model, state, device),
        details: () => 'items',
        named: () => ({
          model: nameOfModel(command.model),
          adapter: command.adapter === null ? null : nameOfModel(command.adapter),
          trainer,
          device: command.device,
        }),
        dispose: () => state.dispose(),
      };
    },
  };
}

/** sha256 over the adapter's two files. */
const hashAdapter = (folder: string): Promise<string> =>
  hashFiles(['adapter_config.json', 'adapter_model.safetensors'].map((file) => join(folder, file)));
