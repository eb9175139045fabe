import type { ModelRecord, Setting } from '../compare/run-record';
import { PAPER_FULL, PAPER_LORA, type TrainConfig } from '../config';
import type { RunConfig } from './presets';

/** One model of a run: what it is called, and how it comes about. */
export interface ModelPlan extends Pick<ModelRecord, 'name' | 'method' | 'setting' | 'alsoSettings' | 'seed'> {
  /** As people read it: 'LoRA, seed 42'. */
  readonly title: string;
  /** Null for the untouched base. */
  readonly training: TrainConfig | null;
}

const TITLES = { lora: 'LoRA', full: 'full' } as const;

/**
 * The models of a run, in the order of its record: the base; for each training seed both methods; both at the paper's own
 * rates where the run has others; then, where the methods' epochs differ, the controlled pair, without a training that
 * is there already. A seed deals the adapter's first values and the order of the chunks; rows, chunks and items are the
 * same for all.
 */
export function planModels(
  config: Pick<RunConfig, 'methods' | 'lora' | 'full' | 'controlled' | 'seeds' | 'paperRates'>,
): ModelPlan[] {
  const { methods, controlled, seeds, paperRates } = config;
  const first = seeds[0]!;
  const wanted = methods.map((method) => config[method]);
  // One method alone has nothing to be compared with.
  const pair = controlled && methods.length === 2 ? [controlled.lora, controlled.full] : [];
  const added = pair.filter((one) => !sameTraining(one, config[one.method]));
  const plan = (training: TrainConfig, setting: Setting, tail: string, title: string): ModelPlan => {
    const { method, seed } = training;
    return { name: `${method}-${tail}`, title: `${TITLES[method]}${title}`, method, setting, seed, training };
  };
  // One method whose best rate is the paper's is still compared with the other at its own.
  const setting = wanted.every(isPapers) ? 'paper' : 'tuned';
  const tuned = seeds.flatMap((seed) =>
    wanted.map((one): ModelPlan => {
      // Nothing is controlled for where both methods' trainings are there already.
      const alsoSettings: Setting[] = [];
      if (added.length > 0 && pair.some((other) => sameTraining(other, one))) alsoSettings.push('controlled');
      if (setting !== 'paper' && seed === first && paperRates?.[one.method] === one.learningRate)
        alsoSettings.push('paper');
      const made = plan({ ...one, seed }, setting, String(seed), `, seed ${seed}`);
      return alsoSettings.length > 0 ? { ...made, alsoSettings } : made;
    }),
  );
  const paper = wanted.flatMap((one): ModelPlan[] => {
    const learningRate = paperRates?.[one.method];
    if (learningRate === undefined || learningRate === one.learningRate) return [];
    return [plan({ ...one, learningRate, seed: first }, 'paper', `paper-${first}`, ' at the paper’s rate')];
  });
  const equalEpochs = seeds.flatMap((seed) =>
    added.map((one) =>
      plan({ ...one, seed }, 'controlled', `controlled-${seed}`, `, ${one.epochs} epochs, seed ${seed}`),
    ),
  );
  return [
    { name: 'base', title: 'base', method: 'base', setting: 'tuned', seed: null, training: null },
    ...tuned,
    ...paper,
    ...equalEpochs,
  ];
}

const isPapers = ({ method, learningRate }: TrainConfig): boolean =>
  learningRate === { lora: PAPER_LORA, full: PAPER_FULL }[method].learningRate;

/** Whether two configurations make the same model from the same seed. */
function sameTraining(a: TrainConfig, b: TrainConfig): boolean {
  const fields = Object.keys(a) as (keyof TrainConfig)[];
  return fields.every((field) => field === 'seed' || JSON.stringify(a[field]) === JSON.stringify(b[field]));
}

/**
 * The order in which plans are begun, so that `atOnce` workers, each taking the next when it is free, end together: the
 * plans' own, with plans moved for as long as a move makes the whole shorter.
 */
export function beginningOrder(plans: readonly ModelPlan[], atOnce: number): ModelPlan[] {
  let order = [...plans];
  for (let better: ModelPlan[] | undefined = order; better; ) {
    order = better;
    const length = scheduleLength(order, atOnce);
    const moves = order.flatMap((_, from) => order.map((_, to) => moved(order, from, to)));
    better = moves.reduce<ModelPlan[] | undefined>((best, one) => {
      const shorter = scheduleLength(one, atOnce) < scheduleLength(best ?? order, atOnce) - length / 1e6;
      return shorter ? one : best;
    }, undefined);
  }
  return order;
}

function moved(plans: readonly ModelPlan[], from: number, to: number): ModelPlan[] {
  const rest = plans.filter((_, i) => i !== from);
  return [...rest.slice(0, to), plans[from]!, ...rest.slice(to)];
}

function scheduleLength(plans: readonly ModelPlan[], atOnce: number): number {
  const busyUntil = new Array<number>(Math.max(1, atOnce)).fill(0);
  for (const plan of plans) {
    const free = busyUntil.indexOf(Math.min(...busyUntil));
    busyUntil[free]! += workOf(plan.training);
  }
  return Math.max(...busyUntil);
}

/** In epochs of LoRA, as measured on the miniature: scoring takes 0.6 of one, an epoch of full-parameter training 1.3. */
export const workOf = (training: TrainConfig | null): number =>
  0.6 + (training ? training.epochs * (training.method === 'full' ? 1.3 : 1) : 0);
