import type { Precision } from './module';

/** How causal attention is computed. */
export const ATTENTIONS = ['blocks', 'cudnn'] as const;
export type Attention = (typeof ATTENTIONS)[number];

/** How programs are made for XLA. */
export interface XlaOptions {
  /**
   * Layers lie stacked, the layer is compiled once and looped over, and computed again on the way back. A deep model then
   * compiles in seconds, and keeps its layers' inputs alone.
   */
  readonly loops: boolean;
  /** bf16: operands of matrix products and what layers hand on; trained tensors, norms, softmax and loss stay float32. */
  readonly precision: Precision;
  /** cudnn: causal attention is its kernel, on NVIDIA's cards with products in bf16; else blocks of queries. */
  readonly attention: Attention;
  /** Devices that share each program: the batch and all state are split among them (`sharding.ts`). */
  readonly devices: number;
  /** The plug-in's file; found by itself where none is named. */
  readonly plugin?: string;
}

/** What is left for a process that looks whether the device is there: trainings open it anew as they need it. */
export const pluginOf = ({ plugin }: XlaOptions): Pick<XlaOptions, 'plugin'> =>
  plugin === undefined ? {} : { plugin };

/** What is not said otherwise. */
export const XLA_DEFAULTS: XlaOptions = { loops: false, precision: 'float32', attention: 'blocks', devices: 1 };
