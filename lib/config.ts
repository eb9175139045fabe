/**
 * Typed hyper-parameters. One letter for each dimension, everywhere:
 *
 *     B batch     T tokens a row   C width (hiddenSize)   H heads   K key/value heads   D head width
 *     G H/K       F MLP width      V vocabulary           R rank    N rows or items     E embedding
 */

export type Method = 'lora' | 'full';

export type Percent = `${number}%`;

/** LoRA as PEFT does it. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** Probability that an element of the adapter's input is dropped in training. */
  readonly dropout: number;
  /** Scale by alpha / sqrt(rank) instead of alpha / rank. */
  readonly useRsLora: boolean;
  /** Which linear layers of each block ("q_proj", ...); all seven in the paper. */
  readonly targetModules: readonly string[];
  /**
   * Where layers differ: every adapted layer by its full name ("model.layers.0.self_attn.q_proj") with its own rank and
   * alpha. With nothing given: `targetModules` of every block, all with `rank` and `alpha`.
   */
  readonly layers?: Readonly<Record<string, { readonly rank: number; readonly alpha: number }>>;
  /** Modules trained whole beside, by their full names ("lm_head"); none where nothing is given. */
  readonly modulesToSave?: readonly string[];
}

/** The seven linear layers of a Llama block. */
export const ALL_LINEAR = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

export interface TrainConfig {
  readonly method: Method;
  readonly epochs: number;
  /** Updates at most: training and schedule end there, within the epochs. Default: all of the epochs. */
  readonly maxSteps?: number;
  /** Peak learning rate, reached after `warmupSteps` updates. */
  readonly learningRate: number;
  /** Updates, or their share of all: '3%'. */
  readonly warmupSteps: number | Percent;
  /** The last learning rate as a share of the peak. */
  readonly finalRateRatio: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Which tensors decay: every one, as torch.optim.AdamW does when given all parameters, or matrices only. */
  readonly decay: 'all' | 'matrices';
  readonly clipNorm: number;
  /** Tokens of a packed chunk. */
  readonly maxSeqLen: number;
  /** Chunks of a micro-batch, and micro-batches of an update. */
  readonly batchSize: number;
  readonly accumulation: number;
  readonly seed: number;
  /** Used by method `lora`. */
  readonly lora: LoraConfig;
}

/** What the paper states of both methods (Methods, "Hyperparameters"), and what it leaves open. */
const PAPER = {
  warmupSteps: 100, // "a linear warmup of 100 steps"
  finalRateRatio: 0.1, // "decay final learning rate to 10% of its peak"
  beta1: 0.9,
  beta2: 0.95,
  weightDecay: 0.1,
  clipNorm: 1,
  maxSeqLen: 4096, // "packed all of our fine-tuning data into chunks of 4,096 tokens"
  epsilon: 1e-8, // not stated: torch.optim.AdamW's default
  decay: 'all', // not stated: what AdamW does with model.parameters()
  batchSize: 4, // not stated
  accumulation: 1, // not stated
  seed: 42, // not stated
  lora: { rank: 8, alpha: 16, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR }, // dropout: not stated
} as const;

/** "3 epochs with a peak learning rate of 5e-5" */
export const PAPER_FULL: TrainConfig = { ...PAPER, method: 'full', epochs: 3, learningRate: 5e-5 };

/** "8 epochs with a peak learning rate of 1e-4 and alpha = 16 and r = 8", every linear layer */
export const PAPER_LORA: TrainConfig = { ...PAPER, method: 'lora', epochs: 8, learningRate: 1e-4 };

/**
 * A pair that differs in the method alone, for one token budget. Each method is to be run at its own best rate
 * from one grid: pass that rate.
 */
export function controlledPair(
  common: Omit<TrainConfig, 'method' | 'learningRate'>,
  rates: { readonly lora: number; readonly full: number },
): { readonly lora: TrainConfig; readonly full: TrainConfig } {
  return {
    lora: { ...common, method: 'lora', learningRate: rates.lora },
    full: { ...common, method: 'full', learningRate: rates.full },
  };
}

/** The grid both methods of a controlled pair choose from, on the development split. */
export const LEARNING_RATE_GRID = [3e-4, 1e-3, 3e-3, 6e-3, 1e-2] as const;

/** Choices the paper does not state, made here and printed with every result; packing's own are in data/packing/report.ts. */
export const ASSUMPTIONS: readonly string[] = [
  'optimizer epsilon 1e-8; every trained tensor decays',
  'batch size, precision (float32 here), seed and epoch shuffling (seeded, new each epoch)',
  'LoRA dropout 0',
  'the template’s tags carry no loss; the response and one end-of-sequence token do',
  'scoring: the harness’s present prompts, no chat wrapping, no BOS',
];
