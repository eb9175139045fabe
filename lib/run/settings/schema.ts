import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { ALL_LINEAR } from '../../config';
import { TEMPLATES } from '../../data/template';
import { DEVICE_NAMES } from '../../engine/device-names';
import { ATTENTIONS } from '../../engine/xla/options';
import { MAX_SEED } from '../../random';

/*
 * A settings file, as people write it. Every field may be left out; `extends` names where it then comes from. The JSON
 * Schema of it is settings.schema.json in the workbook's folder, by which editors complete it.
 */

/** What is multiplied or counted up to stays far from where numbers are no longer exact. */
const whole = (least: number, most = 2 ** 31 - 1) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const below1 = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const above0 = v.pipe(v.number(), v.gtValue(0));
const path = v.pipe(v.string(), v.nonEmpty());
const say = <T extends v.GenericSchema>(schema: T, text: string) => v.pipe(schema, v.description(text));

const TRAINING = {
  epochs: say(whole(1), 'Passes over the training rows.'),
  maxSteps: say(whole(1), 'Updates at most: training and schedule end there. For `med42 train`.'),
  learningRate: say(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 'Peak learning rate.'),
  warmup: say(
    v.union([whole(0), v.pipe(v.string(), v.regex(/^(?:\d{1,2}(?:\.\d+)?|100)%$/))]),
    'Updates until the peak rate, or their share of all: "3%".',
  ),
  finalRateRatio: say(share, 'The last learning rate as a share of the peak.'),
  batchSize: say(whole(1), 'Chunks of a micro-batch.'),
  accumulation: say(whole(1), 'Micro-batches of an update.'),
  weightDecay: v.pipe(v.number(), v.minValue(0)),
  decay: say(v.picklist(['all', 'matrices']), 'Which tensors decay.'),
  clipNorm: say(above0, 'The gradient is scaled down to this norm.'),
  beta1: below1,
  beta2: below1,
  epsilon: above0,
};

const LORA = {
  rank: whole(1, 2 ** 16),
  alpha: above0,
  dropout: below1,
  useRsLora: say(v.boolean(), 'Scale by alpha / sqrt(rank) instead of alpha / rank.'),
  targetModules: say(
    v.union([v.literal('all-linear'), v.pipe(v.array(v.picklist(ALL_LINEAR)), v.minLength(1))]),
    'The linear layers of each block that get an adapter.',
  ),
};

const optional = <T extends v.ObjectEntries>(entries: T) =>
  v.optional(v.strictObject(v.entriesFromObjects([v.partial(v.object(entries))])));

export const SETTINGS = v.strictObject({
  $schema: v.optional(v.string()),
  extends: v.optional(say(v.string(), 'A preset, or another settings file beside this one.')),
  command: v.optional(say(v.picklist(['reproduce', 'train']), 'What `med42 run` does with this file.')),
  model: v.optional(say(path, 'A Llama in a Hugging Face folder; relative to this file.')),
  data: optional({
    folder: say(path, 'Rows in FOLDER/train, items in FOLDER/eval; relative to this file.'),
    fields: say(v.record(v.string(), v.string()), 'What the files call a field: {"prompt": "Question"}.'),
    badRows: say(v.picklist(['error', 'skip']), 'Whether a row that cannot be read stops the run, or is counted.'),
    mixture: say(
      v.union([v.picklist(['auto', 'paper', 'all']), v.record(v.string(), above0)]),
      'Shares: table A1’s, all rows alike, a weight for each source, or by what the rows are.',
    ),
    samples: say(v.nullable(whole(1)), 'Training rows drawn; null: all.'),
    developmentFraction: say(v.pipe(v.number(), v.gtValue(0), v.ltValue(1)), 'Held out for the held-out loss.'),
    template: v.picklist(TEMPLATES),
    packing: v.picklist(['concatenated', 'block-diagonal', 'padded']),
    maxSeqLen: say(whole(2), 'Tokens of a chunk.'),
  }),
  method: v.optional(v.picklist(['lora', 'full', 'both'])),
  training: v.optional(
    v.pipe(v.strictObject(v.partial(v.object(TRAINING)).entries), v.description('For every method that is trained.')),
  ),
  lora: optional({ ...TRAINING, ...LORA }),
  full: optional(TRAINING),
  seed: v.optional(say(whole(0, MAX_SEED), 'Of rows, items and the first training.')),
  seeds: v.optional(say(whole(1, 1000), 'Trainings of each method, with seed, seed + 1 and so on.')),
  scoring: optional({
    limitPerTask: say(v.nullable(whole(1)), 'Items of each task, sampled; null: all.'),
    bos: v.picklist(['never', 'tokenizer']),
  }),
  encoders: v.optional(say(v.array(path), 'Sentence encoders to find contamination with.')),
  output: optional({
    folder: say(path, 'Where results go; relative to this file.'),
    checkpointEvery: say(whole(1), 'Updates between checkpoints.'),
  }),
  device: v.optional(v.picklist(DEVICE_NAMES)),
  threads: v.optional(say(v.nullable(whole(1, 1024)), 'Of the CPU, for each model; null: all.')),
  devices: v.optional(say(whole(1, 1024), 'Of XLA: so many share each training.')),
  precision: v.optional(say(v.picklist(['float32', 'bf16']), 'Of matrix products, on XLA.')),
  plugin: v.optional(say(path, 'For XLA: the file of a plug-in, its shared library; relative to this file.')),
  recompute: v.optional(
    say(v.picklist(['none', 'layers']), 'On XLA: layers are looped over, and computed again on the way back.'),
  ),
  attention: v.optional(
    say(v.picklist(ATTENTIONS), "On XLA: blocks of queries, or cuDNN's kernel, for NVIDIA's cards with bf16."),
  ),
});

export type Settings = v.InferOutput<typeof SETTINGS>;

/** The JSON Schema of a settings file. */
export const settingsJsonSchema = (): object => ({
  ...toJsonSchema(SETTINGS, { errorMode: 'ignore' }),
  title: 'Settings of a run of the workbook',
});
