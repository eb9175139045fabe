/** A card that a training may be planned for. */
export interface Card {
  readonly title: string;
  /** What the card is sold with, bytes. */
  readonly memoryBytes: number;
  /** Dense bf16 matrix products, FLOP/s, by the maker's data sheet; undefined where none is at hand. */
  readonly bf16FlopsPerSecond?: number;
}

/** Source: NVIDIA's data sheets of A100, H100 SXM, H200 SXM and B200 (HGX); rates without sparsity. */
export const CARDS = {
  'a100-40': { title: 'A100 40 GB', memoryBytes: 40e9, bf16FlopsPerSecond: 312e12 },
  'a100-80': { title: 'A100 80 GB', memoryBytes: 80e9, bf16FlopsPerSecond: 312e12 },
  h100: { title: 'H100 80 GB', memoryBytes: 80e9, bf16FlopsPerSecond: 989e12 },
  h200: { title: 'H200 141 GB', memoryBytes: 141e9, bf16FlopsPerSecond: 989e12 },
  b200: { title: 'B200 180 GB', memoryBytes: 180e9, bf16FlopsPerSecond: 2250e12 },
} as const satisfies Readonly<Record<string, Card>>;

export type CardName = keyof typeof CARDS;

/** So many of one card, or a CPU. */
export interface Target {
  /** `card`: one that is here and not in the list. */
  readonly name: CardName | 'card' | 'cpu' | 'xla:cpu';
  readonly card: Card;
  readonly devices: number;
}

/** Bytes that a program may have of a device of the target. */
export const usableBytes = ({ name, card }: Target): number => (isCpu(name) ? 1 : USABLE) * card.memoryBytes;

export const isCpu = (name: Target['name']): name is 'cpu' | 'xla:cpu' => name === 'cpu' || name === 'xla:cpu';

/**
 * The part of the data sheet's rate at which a training is assumed to run.
 *
 * Source: MaxText's published 460 TFLOP/s a device for Llama-2 70B on 64 H100; an assumption for every other case.
 */
export const UTILISATION = 460e12 / CARDS.h100.bf16FlopsPerSecond;

/** Of a card's memory, what a program may have: the rest is the driver's, the libraries' and what lies in pieces. */
export const USABLE = 0.92;
