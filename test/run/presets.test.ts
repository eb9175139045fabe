import { expect, test } from 'vitest';
import { LEARNING_RATE_GRID, type TrainConfig } from '../../lib/config';
import { planModels } from '../../lib/run/plan';
import { CONTROLLED, PRESETS } from '../../lib/run/presets';

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

test('a run’s models: base first, both methods for each seed, and whose rates they have', () => {
  const planned = (name: 'miniature' | 'real') =>
    planModels(PRESETS[name]).map((plan) => `${plan.name} ${plan.setting}`);
  const own = [42, 43, 44].flatMap((seed) => [`lora-${seed} tuned`, `full-${seed} tuned`]);
  expect(planned('miniature')).toEqual(['base tuned', ...own, 'lora-paper-42 paper', 'full-paper-42 paper']);
  expect(planned('real')).toEqual(['base tuned', 'lora-42 paper', 'full-42 paper']);
});
