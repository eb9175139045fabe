import { controlledPair, type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../config';
import type { ReadOptions } from '../data/examples';
import type { MixtureShareRule } from '../data/mixture';
import type { Packing } from '../data/packing/packing';
import type { TemplateName } from '../data/template';
import type { Attention } from '../engine/xla/options';
import type { BosPolicy } from '../eval/encode-request';
import { TOTALS } from '../paper/table-a1';

/** One run of the paper's line; the sizes of the same run differ in this alone. */
export interface RunConfig {
  /** How rows are read. */
  readonly rows: ReadOptions;
  readonly template: TemplateName;
  /** Whose shares rows are drawn by; `auto`: table A1's where every row is of one of its sets, else all rows alike. */
  readonly mixture: MixtureShareRule | 'auto';
  /** Training rows drawn; null: all. */
  readonly samples: number | null;
  /** Of the drawn rows, held out for the held-out loss. */
  readonly developmentFraction: number;
  readonly packing: Packing;
  /** Which are trained. */
  readonly methods: readonly Method[];
  /** Chunk length, the same for both (see `chunkLength`), and the rest; maxSeqLen is cut to the model's context. */
  readonly lora: TrainConfig;
  readonly full: TrainConfig;
  /**
   * Where `lora` and `full` differ in epochs too: a pair that differs in the method and its own best rate alone, so that a
   * difference between its models is the method's.
   */
  readonly controlled: { readonly lora: TrainConfig; readonly full: TrainConfig } | null;
  /** Of the training: each method is trained once with each. */
  readonly seeds: readonly number[];
  /** Where the run's rates are its own: the paper's, to run beside them, once. */
  readonly paperRates: Readonly<Record<Method, number>> | null;
  /** Peak rates that `med42 tune` chooses the run's own from, by the held-out loss; null where it does not. */
  readonly rateGrid: Readonly<Record<Method, readonly number[]>> | null;
  /** A seeded sample of so many items of each task; null: all. */
  readonly limitPerTask: number | null;
  readonly bos: BosPolicy;
  /** Updates between checkpoints; each waits for the disk. An interrupted training writes one of its own. */
  readonly checkpointEvery: number;
  /**
   * Of the CPU, for each model; null: all. A small model is trained with least work on one, and several are made side by
   * side; their numbers are then the same whatever the CPU's number of cores.
   */
  readonly threads: number | null;
  /** Of everything but training: mixture, development split, samples of items. */
  readonly seed: number;
}

const COMMON = {
  rows: {},
  template: 'med42',
  mixture: 'paper',
  developmentFraction: 0.05,
  packing: 'concatenated',
  methods: ['lora', 'full'],
  bos: 'never',
  seed: 42,
  seeds: [42],
  controlled: null,
  paperRates: null,
  rateGrid: null,
  threads: null,
} as const;
/** A statement of one method over the other needs several trainings. */
const THREE_SEEDS = [42, 43, 44] as const;
const PAPER_RATES = { lora: PAPER_LORA.learningRate, full: PAPER_FULL.learningRate } as const;

/**
 * The miniature's own settings: a model of a million parameters wants larger rates, small batches, a shorter warm-up, and
 * its rows whole and apart.
 * Chosen by the accuracy on the development items, whose facts no evaluation item asks for; environment.md has the trials.
 */
const small = { warmupSteps: 10, maxSeqLen: 256, batchSize: 2 } as const;
export const MINIATURE_LORA: TrainConfig = { ...PAPER_LORA, ...small, learningRate: 6e-3 };
export const MINIATURE_FULL: TrainConfig = { ...PAPER_FULL, ...small, learningRate: 1e-3 };

const MINIATURE = { ...COMMON, packing: 'block-diagonal', threads: 1 } as const;

/** One token budget, methods apart in the method and their own best rate alone. */
export const CONTROLLED = controlledPair(MINIATURE_FULL, {
  lora: MINIATURE_LORA.learningRate,
  full: MINIATURE_FULL.learningRate,
});

/**
 * What two cores can do in two hours with a real model of 135 million parameters: one epoch over few rows, short chunks, the
 * same token budget for both methods, each at the rate that `med42 tune --preset smollm2` found best, within its grid. The
 * full-parameter rate is the paper's.
 * Differs: the paper has 4,096 tokens a chunk, 8 and 3 epochs, and 100 updates of warm-up.
 */
const smollm2 = { epochs: 1, warmupSteps: '10%', maxSeqLen: 512, batchSize: 2 } as const;
const SMOLLM2 = controlledPair({ ...PAPER_FULL, ...smollm2 }, { lora: 5e-4, full: 5e-5 });

const OWN = {
  mixture: 'auto',
  samples: null,
  lora: PAPER_LORA,
  full: PAPER_FULL,
  limitPerTask: null,
  checkpointEvery: 100,
} as const;

const ENTRIES = {
  // A look at every stage in well under a minute; its numbers mean nothing.
  smoke: {
    ...MINIATURE,
    samples: 170,
    lora: { ...MINIATURE_LORA, epochs: 1, warmupSteps: 2, batchSize: 8 },
    full: { ...MINIATURE_FULL, epochs: 1, warmupSteps: 2, batchSize: 8 },
    limitPerTask: 8,
    checkpointEvery: 4,
  },
  miniature: {
    ...MINIATURE,
    samples: 1600,
    lora: MINIATURE_LORA,
    full: MINIATURE_FULL,
    controlled: CONTROLLED,
    seeds: THREE_SEEDS,
    paperRates: PAPER_RATES,
    limitPerTask: null,
    checkpointEvery: 200,
  },
  // The miniature for three epochs each: what the paper's comparison varies beside the method is held fixed.
  controlled: {
    ...MINIATURE,
    samples: 1600,
    ...CONTROLLED,
    seeds: THREE_SEEDS,
    limitPerTask: null,
    checkpointEvery: 200,
  },
  // Real rows and a small real model, at the paper's own settings.
  real: {
    ...COMMON,
    mixture: 'auto',
    samples: 500,
    lora: { ...PAPER_LORA, batchSize: 8 },
    full: { ...PAPER_FULL, batchSize: 8 },
    limitPerTask: 250,
    checkpointEvery: 100,
  },
  // SmolLM2-135M-Instruct on the real rows: the recorded run of a real model.
  smollm2: {
    ...COMMON,
    samples: 360,
    developmentFraction: 0.15,
    ...SMOLLM2,
    seeds: THREE_SEEDS,
    paperRates: PAPER_RATES,
    // The paper's rates are the first of each.
    rateGrid: { lora: [PAPER_RATES.lora, 5e-4, 2.5e-3, 1e-2], full: [PAPER_RATES.full, 1.25e-5, 2e-4, 8e-4] },
    limitPerTask: 40,
    // An update takes ten seconds of a core.
    checkpointEvery: 6,
    threads: 1,
  },
  // One's own rows, all of them, at the paper's settings for one method.
  'paper-lora': { ...COMMON, ...OWN, methods: ['lora'] },
  'paper-full': { ...COMMON, ...OWN, methods: ['full'] },
  // The paper's size: every row of table A1, all items. A batch of eight, as the paper's machine of eight cards takes one each.
  llama2: {
    ...COMMON,
    samples: TOTALS.all.samples,
    lora: { ...PAPER_LORA, batchSize: 8 },
    full: { ...PAPER_FULL, batchSize: 8 },
    limitPerTask: null,
    checkpointEvery: 200,
  },
} satisfies Record<string, RunConfig>;

/**
 * Tokens of a chunk: all models of a run read the same chunks.
 *
 * @throws when the methods of a preset have lengths of their own
 */
export function chunkLength({ lora, full, controlled }: Pick<RunConfig, 'lora' | 'full' | 'controlled'>): number {
  const lengths = new Set(
    [lora, full, ...(controlled ? [controlled.lora, controlled.full] : [])].map((one) => one.maxSeqLen),
  );
  const [length, other] = [...lengths];
  if (other === undefined) return length!;
  throw new Error(
    `presets: maxSeqLen must be the same for lora and full, which read the same chunks, got ${[...lengths].join(' and ')}; ` +
      'correct the preset in lib/run/presets.ts',
  );
}

export type PresetName = keyof typeof ENTRIES;

/** How XLA computes a preset's trainings where nothing is said: the paper's size fits no card in float32. */
export const xlaDefaults = (
  preset: PresetName,
): {
  readonly precision: 'float32' | 'bf16';
  readonly recompute: 'none' | 'layers';
  readonly attention: Attention;
} => ({
  ...(preset === 'llama2'
    ? ({ precision: 'bf16', recompute: 'layers' } as const)
    : ({ precision: 'float32', recompute: 'none' } as const)),
  // cuDNN's has never run: nobody is given it unasked.
  attention: 'blocks',
});

/** Presets of the bundled world and its model: they need neither rows nor a model. */
export const BUNDLED_PRESETS: readonly PresetName[] = ['smoke', 'miniature', 'controlled'];
/** Presets of the paper's own data: without other rows they read what `med42 fetch` wrote. */
export const FETCHED_PRESETS: readonly PresetName[] = ['real', 'llama2'];
export const PRESETS: Readonly<Record<PresetName, RunConfig>> = ENTRIES;
/** What `--preset` takes, here and in notebooks. */
export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];
