import { PAPER_FULL, type TrainConfig } from '../config';
import type { Packing } from '../data/packing/packing';
import type { Lesson } from './miniature';

/** config.json of the bundled base. */
export const BASE_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 4096,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  head_dim: 16,
  hidden_act: 'silu',
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  // One over the root of the width: with Llama's 0.02 a model this narrow starts with all attention nearly equal.
  initializer_range: 0.09,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: null,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};

export const TRAINING: TrainConfig = {
  ...PAPER_FULL,
  learningRate: 1e-3,
  // With 1e-8 AdamW moves the embeddings of words that do not occur as far as those that do, all in one direction:
  // after the first two stages the medical ones had a mean cosine of 0.9.
  epsilon: 1e-5,
  warmupSteps: 100,
  epochs: 1,
  finalRateRatio: 1,
  maxSeqLen: 72,
  batchSize: 16,
  seed: 1,
};

export interface Stage {
  readonly name: string;
  readonly lesson: Lesson;
  /** Drawn for it; each is read once. */
  readonly documents: number;
  readonly packing: Packing;
  readonly config: TrainConfig;
  /**
   * Share of the documents with options in which these see of the question its last token alone; none where not given.
   * Block-diagonal packing only.
   */
  readonly hidden?: number;
  /** Keeps the documents of the commonest length alone: every option stands at one place then. */
  readonly oneLength?: boolean;
}

/**
 * Pretraining is full-parameter training from random weights, in stages. What a letter stands for is learnt from the
 * shortest questions there are, all of one length; mixed with anything else at first, it was not learnt in five times the
 * updates. Then come answers directly after their questions, so that what is asked for stands at the question's end; then
 * the quiz with its options, which see that end alone; then everything, each document apart; then words to be found, more
 * than can be known by heart; and at last many documents on a page, as the training rows will be, with nothing hidden.
 * Where a document asks, the answer alone is learnt: the options are there by chance, and to guess them would be most of
 * the loss. environment.md tells what was tried.
 */
export const STAGES: readonly Stage[] = [
  {
    name: 'letters',
    lesson: 'letters',
    documents: 32_000,
    oneLength: true,
    packing: 'block-diagonal',
    config: TRAINING,
  },
  { name: 'answers', lesson: 'answers', documents: 50_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  { name: 'quiz', lesson: 'quiz', documents: 50_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  {
    name: 'text',
    lesson: 'text',
    documents: 80_000,
    hidden: 0.8,
    packing: 'block-diagonal',
    config: { ...TRAINING, maxSeqLen: 96, batchSize: 12 },
  },
  { name: 'options', lesson: 'options', documents: 30_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  {
    name: 'pages',
    lesson: 'text',
    documents: 45_000,
    packing: 'concatenated',
    config: { ...TRAINING, finalRateRatio: 0.05, maxSeqLen: 256, batchSize: 4 },
  },
];
