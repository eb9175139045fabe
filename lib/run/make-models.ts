import { totalmem } from 'node:os';
import type { Device } from '../engine/device';
import { modelIdentity } from './inputs';
import { type InputsToWrite, type ModelInputs, writeModelInputs } from './model-inputs';
import { type MadeModel, type ModelJob, readMade } from './model-job';
import { runInProcess } from './model-process';
import type { RunOptions } from './options';
import { beginningOrder, type ModelPlan, workOf } from './plan';
import { clock } from './progress';
import type { RunWatcher } from './run';

export interface ModelsToMake {
  readonly plans: readonly ModelPlan[];
  readonly inputs: ModelInputs & InputsToWrite;
  readonly modelHash: string;
  readonly options: Pick<RunOptions, 'model' | 'device' | 'xla' | 'out'>;
  /** Of the CPU, for each model. */
  readonly threads: number;
  /** So many models are made side by side. */
  readonly atOnce: number;
}

const MOST_AT_ONCE = 6;
/** Of the machine's memory, for all models together: estimates of a training are up to a sixth too low. */
const MEMORY_SHARE = 0.8;

/**
 * @param wanted threads of the CPU for each model; null: all. No more than there are
 * @param models to be made
 * @param peak counts the largest training's bytes; called for `cpu` alone, the only device that knows them beforehand
 * @param memory of the machine, in bytes
 * @returns threads for each model, and how many models are made side by side: as many as processors and memory allow
 */
export function sideBySide(
  device: Pick<Device, 'name' | 'threads'>,
  wanted: number | null,
  models: number,
  peak: () => number,
  memory: number = totalmem(),
): { readonly threads: number; readonly atOnce: number } {
  // XLA has no such number.
  const threads = device.name.startsWith('xla') ? device.threads : Math.min(device.threads, wanted ?? device.threads);
  if (device.name !== 'cpu') return { threads, atOnce: 1 };
  const fitting = Math.max(1, Math.floor((MEMORY_SHARE * memory) / peak()));
  return { threads, atOnce: Math.min(MOST_AT_ONCE, models, Math.floor(device.threads / threads), fitting) };
}

/**
 * Makes the models of a run that are not there yet, each in a process of its own. The first that fails stops the others,
 * each with a checkpoint.
 *
 * @returns the models in the plans' order, and the seconds that those already there had taken
 * @throws what the first failure threw
 */
export async function makeModels(
  { plans, inputs, modelHash, options, threads, atOnce }: ModelsToMake,
  signal: AbortSignal,
  { say, progress }: Required<RunWatcher>,
): Promise<{ readonly models: readonly MadeModel[]; readonly earlierSeconds: number }> {
  const { model, device, xla, out } = options;
  const labelOf = (plan: ModelPlan) => `[${plans.indexOf(plan) + 1}/${plans.length}] ${plan.title}`;
  const identityOf = (plan: ModelPlan) => modelIdentity(plan, inputs, modelHash, device, xla);
  const made = new Map<ModelPlan, MadeModel>();
  for (const plan of plans) {
    const known = await readMade(out, plan.name, identityOf(plan));
    if (!known) continue;
    say(`${labelOf(plan)}  was done; its record is used`);
    made.set(plan, known);
  }
  const earlierSeconds = [...made.values()].reduce((sum, { took }) => sum + took.seconds, 0);

  const inOrder = () => plans.map((plan) => made.get(plan)!);
  const waiting = beginningOrder(
    plans.filter((plan) => !made.has(plan)),
    atOnce,
  );
  if (waiting.length === 0) return { models: inOrder(), earlierSeconds };
  const shared = await writeModelInputs(inputs, out);
  const begun = new Map<ModelPlan, number>();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const make = async (plan: ModelPlan) => {
    const [label, identity] = [labelOf(plan), identityOf(plan)];
    const job: ModelJob = { plan, label, inputs: shared, model, device, xla, threads, out, modelHash, identity };
    begun.set(plan, performance.now());
    await runInProcess(job, progress, stop);
    begun.delete(plan);
    const done = await readMade(out, plan.name, identity);
    if (!done) throw new Error(`reproduce: the record of ${plan.name} is gone from ${out}; start the run again`);
    made.set(plan, done);
    const left = secondsLeft([...made.values()], begun, waiting, atOnce);
    if (left !== undefined) say(`      about ${clock(left)} left for ${begun.size + waiting.length} more models`);
  };
  let first: unknown;
  const work = async () => {
    for (let plan = waiting.shift(); plan && !stop.aborted; plan = waiting.shift()) {
      try {
        await make(plan);
      } catch (error) {
        first ??= error;
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (first !== undefined) throw first;
  signal.throwIfAborted();
  return { models: inOrder(), earlierSeconds };
}

/** Every model to come is taken to work as fast as the last of its method; undefined until each method was seen. */
function secondsLeft(
  made: readonly MadeModel[],
  begun: ReadonlyMap<ModelPlan, number>,
  waiting: readonly ModelPlan[],
  atOnce: number,
): number | undefined {
  const needs = ({ method, training }: ModelPlan) => {
    const last = made.findLast(({ record }) => record.method === method);
    return last && (last.took.seconds * workOf(training)) / workOf(last.record.training?.config ?? null);
  };
  const rest = [
    ...waiting.map(needs),
    ...[...begun].map(([plan, start]) => {
      const whole = needs(plan);
      return whole === undefined ? undefined : Math.max(0, whole - (performance.now() - start) / 1000);
    }),
  ];
  if (rest.length === 0 || rest.includes(undefined)) return undefined;
  return rest.reduce<number>((sum, one) => sum + one!, 0) / Math.min(atOnce, rest.length);
}
