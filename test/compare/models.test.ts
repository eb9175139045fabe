import { describe, expect, it } from 'vitest';
import type { ScoredModel } from '../../lib/compare/items';
import { type ComparedRun, compareModels, type ModelComparison } from '../../lib/compare/models';
import type { ItemResult } from '../../lib/eval/score';
import type { TaskName } from '../../lib/eval/tasks/tasks';
import { createRandom, type Random } from '../../lib/random';
import { pairedDifference } from '../../lib/statistics/paired-difference';

const TASKS: readonly TaskName[] = ['medqa_4options', 'medmcqa', 'pubmedqa'];
const GROUPS = ['read-and-tuned', 'read-only', 'tuned-only', 'control'];
const ITEMS = TASKS.flatMap((task) =>
  Array.from({ length: 96 }, (_, i) => ({
    id: `${task}-${i}`,
    task,
    group: GROUPS[i % 4]!,
    factId: `${GROUPS[i % 4]}/${Math.floor(i / 8)}`,
    answer: i % 3,
  })),
);

function item({ id, task, answer }: (typeof ITEMS)[number], right: boolean): ItemResult {
  const choices = task === 'pubmedqa' ? 3 : 4;
  const prediction = right ? answer : (answer + 1) % choices;
  const zeros = new Array<number>(choices).fill(0);
  return {
    id,
    task,
    logLikelihoods: zeros,
    isGreedy: zeros.map(() => false),
    tokenCounts: zeros,
    prediction,
    predictionNorm: prediction,
    answer,
    tied: false,
    tiedNorm: false,
    truncatedTokens: 0,
    seams: 0,
  };
}

/** A model that is right with a probability of its own for each group of facts. */
function model(
  name: string,
  random: Random,
  chanceOf: (group: string) => number,
  from: Partial<ScoredModel> = {},
): ScoredModel {
  const items = ITEMS.map((one) => item(one, random.next() < chanceOf(one.group)));
  return { name, method: 'base', setting: 'tuned', seed: null, scores: { items }, ...from };
}

const facts = Object.fromEntries(ITEMS.map(({ id, factId, group }) => [id, { factId, group }]));
const tuned = (gain: number) => (group: string) => (/tuned/.test(group) ? 0.25 + gain : 0.25);

function run(seed = 1): ComparedRun {
  const random = createRandom(seed);
  return {
    facts,
    models: [
      model('base', random, () => 0.25),
      ...[1, 2, 3].flatMap((s) => [
        model(`lora-${s}`, random, tuned(0.5), { method: 'lora', seed: s }),
        model(`full-${s}`, random, tuned(0.5), { method: 'full', seed: s }),
      ]),
      model('lora-paper-1', random, tuned(0.3), { method: 'lora', setting: 'paper', seed: 1 }),
      model('full-paper-2', random, tuned(0.3), { method: 'full', setting: 'paper', seed: 2 }),
    ],
  };
}

const slice = (comparison: ModelComparison, setting: string, from: string, to: string, name: string) =>
  comparison.contrasts
    .find((one) => one.setting === setting && one.from === from && one.to === to)!
    .slices.find((one) => one.name === name)!;

describe('the models of a run', () => {
  const comparison = compareModels(run());

  it('are compared pair by pair under each setting, over every slice', () => {
    expect(comparison.contrasts.map((one) => `${one.setting} ${one.from} ${one.to}`)).toEqual([
      'tuned base lora',
      'tuned base full',
      'tuned lora full',
      'paper base lora',
      'paper base full',
      'paper lora full',
    ]);
    expect(comparison.contrasts[0]!.slices.map(({ name, n }) => [name, n])).toEqual([
      ['all', 288],
      ['medmcqa', 96],
      ['medqa_4options', 96],
      ['pubmedqa', 96],
      ['control', 48],
      ['read-and-tuned', 48],
      ['read-only', 48],
      ['tuned-only', 48],
      ['read-and-tuned + tuned-only', 96],
    ]);
    expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
  });

  it('show what was built in: gains where facts were tuned, none in the control, none between the methods', () => {
    for (const to of ['lora', 'full']) {
      const gain = slice(comparison, 'tuned', 'base', to, 'read-and-tuned + tuned-only').pooled;
      expect(gain.counts).toBe('items and seeds');
      expect(gain.interval![0]).toBeGreaterThan(0.2);
      expect([gain.pairs, gain.pairsAbove]).toEqual([3, 3]);
    }
    const methods = slice(comparison, 'tuned', 'lora', 'full', 'read-and-tuned + tuned-only').pooled;
    expect([methods.seedsFrom, methods.seedsTo]).toEqual([3, 3]);
    expect(methods.interval![0]).toBeLessThan(0);
    expect(methods.interval![1]).toBeGreaterThan(0);
    expect(comparison.control!.map(({ model, n, atChance }) => [model, n, atChance])).toEqual(
      ['base', 'lora-1', 'full-1', 'lora-2', 'full-2', 'lora-3', 'full-3', 'lora-paper-1', 'full-paper-2']
        .concat('lora, tuned', 'full, tuned')
        .map((name) => [name, 48, true]),
    );
  });

  it('see a control that is not at chance', () => {
    const leaky = run();
    const models = leaky.models.map((one) =>
      one.name === 'lora-1' ? model('lora-1', createRandom(2), () => 0.8, { method: 'lora', seed: 1 }) : one,
    );
    const control = compareModels({ ...leaky, models }, { resamples: 100 }).control!;
    expect(control.filter(({ atChance }) => !atChance).map((one) => one.model)).toContain('lora-1');
  });

  it('cluster by fact, and pair seeds by number', () => {
    const one = slice(comparison, 'tuned', 'base', 'lora', 'tuned-only');
    expect([one.n, one.clusters]).toEqual([48, 12]);
    const [base, lora] = [run().models[0]!, run().models[1]!];
    const pairs = ITEMS.flatMap(({ group, task, factId }, i) =>
      group !== 'tuned-only' || task === 'pubmedqa'
        ? []
        : [
            {
              a: Number(base.scores.items[i]!.prediction === base.scores.items[i]!.answer),
              b: Number(lora.scores.items[i]!.prediction === lora.scores.items[i]!.answer),
              cluster: factId,
            },
          ],
    );
    const { value, stderr, p } = pairedDifference(pairs);
    expect(one.perSeed[0]).toMatchObject({ from: 'base', to: 'lora-1', difference: value, stderr, p });
    expect(slice(comparison, 'tuned', 'lora', 'full', 'all').perSeed.map(({ from, to }) => [from, to])).toEqual([
      ['lora-1', 'full-1'],
      ['lora-2', 'full-2'],
      ['lora-3', 'full-3'],
    ]);
    // No seed in common: nothing to pair, the pooled comparison stands, and counts no seeds.
    const unpaired = slice(comparison, 'paper', 'lora', 'full', 'all');
    expect([unpaired.perSeed.length, unpaired.pooled.counts]).toEqual([0, 'items']);
  });

  it('have their p-values corrected over the tasks', () => {
    const { slices } = comparison.contrasts[0]!;
    const tasks = slices.filter(({ kind }) => kind === 'task');
    const smallest = Math.min(...tasks.map(({ pooled }) => pooled.p!));
    const first = tasks.find(({ pooled }) => pooled.p === smallest)!;
    expect(first.pooled.pHolm).toBeCloseTo(3 * smallest, 12);
    expect(tasks.every(({ perSeed }) => perSeed.every((pair) => pair.mcNemarHolm! >= pair.mcNemar))).toBe(true);
    expect(slices[0]!.pooled.pHolm).toBeNull();
  });

  it('give the same again, and other bootstrap intervals for another seed', () => {
    expect(compareModels(run(), { resamples: 100 })).toEqual(compareModels(run(), { resamples: 100 }));
    const interval = (seed: number) => compareModels(run(), { resamples: 100, seed }).contrasts[0]!.slices[0]!.pooled;
    expect(interval(1).bootstrap).not.toEqual(interval(2).bootstrap);
    expect({ ...interval(1), bootstrap: null }).toEqual({ ...interval(2), bootstrap: null });
  });
});

describe('refused', () => {
  const { models } = run();
  const [base, lora] = [models[0]!, models[1]!];
  const changed = (change: (items: readonly ItemResult[]) => readonly ItemResult[]) =>
    compareModels({ facts: null, models: [base, { ...lora, scores: { items: change(lora.scores.items) } }] });

  it('are models that were asked different items', () => {
    expect(() => changed((items) => items.slice(1))).toThrow(/lora-1 has no item medqa_4options-0/);
    expect(() => changed((items) => [...items, { ...items[0]!, id: 'more' }])).toThrow(/base has no item more/);
    expect(() => changed((items) => [...items, items[0]!])).toThrow(/lora-1 has an item twice/);
    expect(() => changed(([first, ...rest]) => [{ ...first!, answer: 3 }, ...rest])).toThrow(
      /medqa_4options-0 has another task, answer/,
    );
  });

  it('are runs without a base, without a tuned model, without items, with half the facts', () => {
    expect(() => compareModels({ facts: null, models: [lora] })).toThrow(/one base .* got 0 and 1/);
    expect(() => compareModels({ facts: null, models: [base] })).toThrow(/got 1 and 0/);
    expect(() => compareModels({ facts: null, models: [base, lora, lora] })).toThrow(/two models are named lora-1/);
    expect(() => compareModels({ facts: null, models: [{ ...base, scores: { items: [] } }, lora] })).toThrow(
      /got none/,
    );
    expect(() => compareModels({ facts: {}, models: [base, lora] })).toThrow(/no fact is given for item medqa/);
  });

  it('not: a benchmark of the user’s own beside those of a made-up world', () => {
    const ofWorld = Object.fromEntries(Object.entries(facts).filter(([id]) => !id.startsWith('pubmedqa')));
    expect(() => compareModels({ facts: ofWorld, models: [base, lora] })).not.toThrow();
    const rest = Object.fromEntries(Object.entries(facts).filter(([id]) => id !== 'pubmedqa-0'));
    expect(() => compareModels({ facts: rest, models: [base, lora] })).toThrow(/no fact is given for item pubmedqa-0/);
  });

  it('not: data without facts, clustered by passage or not at all', () => {
    const of = (passages?: Record<string, string>) =>
      compareModels({ facts: null, models: [base, lora] }, { resamples: 100, ...(passages ? { passages } : {}) });
    expect(of().clusteredBy).toBe('item');
    expect(of().control).toBeNull();
    const passages = Object.fromEntries(ITEMS.map(({ id, task }) => [id, task]));
    expect(of(passages).contrasts[0]!.slices[0]!.clusters).toBe(3);
    // A single passage tells nothing of its spread.
    expect(of(passages).contrasts[0]!.slices[1]!.pooled).toMatchObject({
      stderr: null,
      interval: null,
      bootstrap: null,
    });
  });
});
