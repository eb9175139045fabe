import type { ModelRecord } from '../compare/run-record';
import { PAPER_FULL, PAPER_LORA, type TrainConfig } from '../config';
import type { RunConfig } from './presets';

/** One model of a run: what it is called, and how it comes about. */
export interface ModelPlan extends Pick<ModelRecord, 'name' | 'method' | 'setting' | 'seed'> {
  /** As people read it: 'LoRA, seed 42'. */
  readonly title: string;
  /** Null for the untouched base. */
  readonly training: TrainConfig | null;
}

/**
 * The models of a run, in the order they are made: the base, then for each training seed both methods, then both at the
 * paper's own rates where the run has others. A seed deals the adapter's first values and the order of the chunks;
 * rows, chunks and items are the same for all.
 */
export function planModels({
  lora,
  full,
  seeds,
  paperRates,
}: Pick<RunConfig, 'lora' | 'full' | 'seeds' | 'paperRates'>): ModelPlan[] {
  const title = { lora: 'LoRA', full: 'full' } as const;
  const tuned = seeds.flatMap((seed) =>
    [lora, full].map((config): ModelPlan => {
      const { method } = config;
      const training = { ...config, seed };
      return {
        name: `${method}-${seed}`,
        title: `${title[method]}, seed ${seed}`,
        method,
        setting: isPapers(config) ? 'paper' : 'tuned',
        seed,
        training,
      };
    }),
  );
  const seed = seeds[0]!;
  const paper = [lora, full].flatMap((config): ModelPlan[] => {
    const { method } = config;
    const learningRate = paperRates?.[method];
    if (learningRate === undefined) return [];
    const training = { ...config, learningRate, seed };
    return [
      {
        name: `${method}-paper-${seed}`,
        title: `${title[method]} at the paper’s rate`,
        method,
        setting: 'paper',
        seed,
        training,
      },
    ];
  });
  return [
    { name: 'base', title: 'base', method: 'base', setting: 'tuned', seed: null, training: null },
    ...tuned,
    ...paper,
  ];
}

const isPapers = ({ method, learningRate }: TrainConfig): boolean =>
  learningRate === { lora: PAPER_LORA, full: PAPER_FULL }[method].learningRate;
