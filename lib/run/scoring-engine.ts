import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { assertFits, loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { createState } from '../engine/state';
import type { ScoredWith } from '../eval/harness-results';
import type { TokenScorer } from '../eval/loglikelihood';
import { createTokenScorer } from '../eval/token-scorer';
import { openAdapterFolder } from '../model/adapter-folder';
import { openModelFolder } from '../model/folder';
import { hashWeights } from '../model/hash-weights';
import { tunedModel } from '../model/tuned';
import type { ScoreCommand } from './score-options';

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
  named(): Pick<ScoredWith, 'model' | 'adapter' | 'device' | 'server'>;
  dispose(): void;
}

/** @throws naming what is wrong with model, adapter or device */
export async function localEngine(command: ScoreCommand): Promise<ScoringEngine> {
  const base = await openModelFolder(command.model);
  const tokenizer = await loadTokenizer(command.model);
  assertFits(tokenizer, base.config.vocabSize);
  const adapter = command.adapter === null ? undefined : await openAdapterFolder(command.adapter, base);
  const weights = [await hashWeights(base), adapter ? await hashAdapter(command.adapter!) : null];
  const device = await openDevice(command.device, undefined, { flushDenormals: true });
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
          model: basename(command.model),
          adapter: command.adapter === null ? null : basename(command.adapter),
          device: command.device,
        }),
        dispose: () => state.dispose(),
      };
    },
  };
}

/** sha256 over the adapter's two files. */
async function hashAdapter(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
    hash.update(await readFile(join(folder, file)));
  return hash.digest('hex');
}
