import { expect, test } from 'vitest';
import { LEARNING_RATE_GRID, type TrainConfig } from '../../lib/config';
import { sideBySide } from '../../lib/run/make-models';
import { beginningOrder, planModels, workOf } from '../../lib/run/plan';
import { CONTROLLED, chunkLength, PRESETS } from '../../lib/run/presets';

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

test('a preset with a grid trains its methods for one token budget, each at a rate of its grid, the paper’s among them', () => {
  const { lora, full, rateGrid } = PRESETS.smollm2;
  expect(differing(lora, full).sort()).toEqual(['learningRate', 'method']);
  expect(rateGrid!.lora).toContain(lora.learningRate);
  expect(rateGrid!.full).toContain(full.learningRate);
  expect(rateGrid).toMatchObject({ lora: expect.arrayContaining([1e-4]), full: expect.arrayContaining([5e-5]) });
});

test('both methods read the same chunks: lengths that differ are refused', () => {
  for (const preset of Object.values(PRESETS)) expect(chunkLength(preset)).toBe(preset.lora.maxSeqLen);
  const { smoke } = PRESETS;
  expect(() => chunkLength({ ...smoke, lora: { ...smoke.lora, maxSeqLen: 128 } })).toThrow(
    'presets: maxSeqLen must be the same for lora and full, which read the same chunks, got 128 and 256',
  );
});

test('a run’s models: base first, both methods for each seed, and whose rates they have', () => {
  const planned = (name: 'miniature' | 'real') =>
    planModels(PRESETS[name]).map((plan) => `${plan.name} ${plan.setting}`);
  const own = [42, 43, 44].flatMap((seed) => [`lora-${seed} tuned`, `full-${seed} tuned`]);
  const equal = [42, 43, 44].map((seed) => `lora-controlled-${seed} controlled`);
  expect(planned('miniature')).toEqual(['base tuned', ...own, 'lora-paper-42 paper', 'full-paper-42 paper', ...equal]);
  expect(planned('real')).toEqual(['base tuned', 'lora-42 paper', 'full-42 paper']);
});

test('methods are under one setting, also where the best rate of one is the paper’s', () => {
  const { smollm2 } = PRESETS;
  const { full } = smollm2;
  const planned = (rate: number, lora: number) =>
    planModels({
      ...smollm2,
      seeds: [42, 43],
      full: { ...full, learningRate: rate },
      lora: { ...smollm2.lora, learningRate: lora },
    }).map(({ name, setting, alsoSettings = [] }) => [name, setting, ...alsoSettings].join(' '));
  // Trained once, it stands under both.
  expect(planned(5e-5, 5e-4)).toEqual([
    'base tuned',
    'lora-42 tuned',
    'full-42 tuned paper',
    'lora-43 tuned',
    'full-43 tuned',
    'lora-paper-42 paper',
  ]);
  expect(planned(5e-5, 1e-4)).toEqual([
    'base tuned',
    'lora-42 paper',
    'full-42 paper',
    'lora-43 paper',
    'full-43 paper',
  ]);
});

test('the controlled pair trains nothing twice: full-parameter training serves both settings', () => {
  const plans = planModels(PRESETS.miniature);
  const named = (name: string) => plans.find((plan) => plan.name === name)!;
  expect(named('full-43').alsoSettings).toEqual(['controlled']);
  expect(named('lora-43').alsoSettings).toBeUndefined();
  expect(named('lora-controlled-43').title).toBe('LoRA, 3 epochs, seed 43');
  expect(differing(named('lora-controlled-43').training!, named('full-43').training!).sort()).toEqual([
    'learningRate',
    'method',
  ]);
  // Equal epochs for both leave nothing to control for.
  const { lora, full } = CONTROLLED;
  const equal = planModels({ ...PRESETS.miniature, lora, full });
  expect(equal.filter(({ setting, alsoSettings }) => setting === 'controlled' || alsoSettings)).toEqual([]);
});

test('models are begun so that workers end together; one worker takes them in their order', () => {
  const plans = planModels(PRESETS.miniature);
  expect(beginningOrder(plans, 1)).toEqual(plans);
  const order = beginningOrder(plans, 2);
  expect([...order].sort((a, b) => plans.indexOf(a) - plans.indexOf(b))).toEqual(plans);
  const busy = [0, 0];
  for (const plan of order) busy[busy[0]! <= busy[1]! ? 0 : 1]! += workOf(plan.training);
  expect(Math.max(...busy) / ((busy[0]! + busy[1]!) / 2)).toBeLessThan(1.02);
});

test.each([
  // XLA takes the processors that there are.
  ['xla:cpu', 1, 4],
  ['tfjs', 1, 1],
  ['webgpu', 2, 2],
  ['webgpu', null, 4],
] as const)(
  'on %s, told %s threads, models are made one by one with %i; no peak is asked for',
  (name, wanted, threads) => {
    const unknown = () => {
      throw new Error('engine: known only when it is compiled');
    };
    expect(sideBySide({ name, threads: 4 }, wanted, 9, unknown)).toEqual({ threads, atOnce: 1 });
  },
);

test('as many models are made side by side as processors and memory allow', () => {
  const gigabytes = (n: number) => n * 2 ** 30;
  const atOnce = (threads: number, peak: number, memory: number) =>
    sideBySide({ name: 'cpu', threads }, 1, 9, () => gigabytes(peak), gigabytes(memory)).atOnce;
  expect(atOnce(2, 0.4, 16)).toBe(2);
  expect(atOnce(16, 0.4, 16)).toBe(6);
  // Models of six gigabytes: two in sixteen, and one in four, where the training's own check says what is too much.
  expect(atOnce(16, 6, 16)).toBe(2);
  expect(atOnce(16, 6, 4)).toBe(1);
  expect(sideBySide({ name: 'cpu', threads: 4 }, null, 9, () => 1, 10)).toEqual({ threads: 4, atOnce: 1 });
});
