import type { TrainConfig } from '../../config';
import { chunkLength, type RunConfig } from '../presets';

/** A preset as a settings file would say it, each setting under its dotted name. */
export function settingsOf(config: RunConfig): Record<string, unknown> {
  const prefixed = (prefix: string, some: object) =>
    Object.fromEntries(Object.entries(some).map(([key, value]) => [prefix + key, value]));
  const { lora, methods } = config;
  return {
    method: methods.length === 2 ? 'both' : methods[0],
    ...prefixed('data.', {
      ...config.rows,
      mixture: config.mixture,
      samples: config.samples,
      developmentFraction: config.developmentFraction,
      template: config.template,
      packing: config.packing,
      maxSeqLen: chunkLength(config),
    }),
    ...prefixed('lora.', { ...trainingOf(lora), ...lora.lora }),
    ...prefixed('full.', trainingOf(config.full)),
    seed: config.seed,
    seeds: config.seeds.length,
    ...prefixed('scoring.', { limitPerTask: config.limitPerTask, bos: config.bos }),
    'output.checkpointEvery': config.checkpointEvery,
    device: 'cpu',
    threads: config.threads,
    devices: 1,
  };
}

function trainingOf({ method: _, maxSeqLen: __, seed: ___, lora: ____, warmupSteps, ...rest }: TrainConfig): object {
  return { ...rest, warmup: warmupSteps };
}
