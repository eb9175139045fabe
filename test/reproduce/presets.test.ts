import { expect, test } from 'vitest';
import { LEARNING_RATE_GRID, type TrainConfig } from '../../lib/config';
import { CONTROLLED, PRESETS } from '../../lib/reproduce/presets';

const differing = (a: TrainConfig, b: TrainConfig) =>
  (Object.keys(a) as (keyof TrainConfig)[]).filter((field) => JSON.stringify(a[field]) !== JSON.stringify(b[field]));

test('the controlled pair differs in the method and in each method’s own rate from the grid', () => {
  expect(differing(CONTROLLED.lora, CONTROLLED.full).filter((field) => field !== 'learningRate')).toEqual(['method']);
  for (const { learningRate } of Object.values(CONTROLLED)) expect(LEARNING_RATE_GRID).toContain(learningRate);
});

test('the methods of the paper’s presets differ in method, epochs and rate', () => {
  for (const name of ['miniature', 'real', 'llama2'] as const) {
    expect(differing(PRESETS[name].lora, PRESETS[name].full).sort()).toEqual(['epochs', 'learningRate', 'method']);
  }
});
