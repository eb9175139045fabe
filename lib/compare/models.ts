import type { Method } from '../config';
import { benchmarkOf, inTaskOrder, TASK_NAMES, type TaskName } from '../eval/tasks/tasks';
import { createRandom } from '../random';
import { holm } from '../statistics/holm';
import { drawResamples } from '../statistics/paired-bootstrap';
import { type ChanceCheck, chanceChecks } from './chance';
import { type Difference, inPoints } from './estimate';
import { at, type ScoredModel, type SharedItems, sharedItems } from './items';
import { TAUGHT_GROUPS } from './labels';
import { type Answers, type PooledSeeds, pooledSeeds, type SeedPair, type SliceItems, seedPair } from './pair';
import { isUnder, type RunRecord, SETTINGS, type Setting } from './run-record';

/** Which items a comparison is over. */
export type SliceKind = 'all' | 'task' | 'fact-group' | 'tuned-groups';

export interface SliceComparison {
  readonly kind: SliceKind;
  /** 'all', a task's name, a fact group's, or 'read-and-tuned + tuned-only'. */
  readonly name: string;
  readonly n: number;
  readonly clusters: number;
  /** One for each seed of the tuned model; between LoRA and full one for each seed that both have. */
  readonly perSeed: readonly SeedPair[];
  /** Over all seeds, counting items and seeds. */
  readonly pooled: PooledSeeds;
}

/** Two kinds of model under one setting; a difference is to - from. */
export interface Contrast {
  readonly setting: Setting;
  readonly from: 'base' | 'lora';
  readonly to: Method;
  readonly slices: readonly SliceComparison[];
}

/** All that the report says about differences, as JSON. */
export interface ModelComparison {
  readonly items: number;
  /** What makes items share their luck: the fact they ask for, a passage, or nothing. */
  readonly clusteredBy: 'fact' | 'passage' | 'item';
  readonly bootstrap: { readonly seed: number; readonly resamples: number };
  readonly contrasts: readonly Contrast[];
  /** The facts that no training text has, against guessing; null where facts are not known. */
  readonly control: readonly ChanceCheck[] | null;
  /** Tasks left out of fact groups and control: the answer stands in the question's own context. */
  readonly answerInContext: readonly TaskName[];
}

export interface CompareOptions {
  /** Item id -> the passage it shares with others, where no facts are known; items without an entry stand alone. */
  readonly passages?: Readonly<Record<string, string>>;
  /** Of the bootstrap; default 0. */
  readonly seed?: number;
  /** Default 2,000. */
  readonly resamples?: number;
}

/** What a run's record has to have; a whole `RunRecord` will do. */
export interface ComparedRun {
  readonly models: readonly ScoredModel[];
  readonly facts: RunRecord['facts'];
}

/** Answering these needs no fact: the abstract is part of the question. */
export const ANSWER_IN_CONTEXT: readonly TaskName[] = TASK_NAMES.filter((task) => benchmarkOf(task).answerInContext);

/** A slice's difference over all seeds, in points. */
export function differenceOf({ pooled }: SliceComparison): Difference {
  return inPoints({ value: pooled.difference, interval: pooled.interval });
}

/** The items that a contrast is first of all about: the facts that were fine-tuned on where they are known, else all. */
export function mainSlice({ slices }: Contrast): SliceComparison {
  return slices.find(({ kind }) => kind === 'tuned-groups') ?? slices.find(({ kind }) => kind === 'all')!;
}

interface Slice {
  readonly kind: SliceKind;
  readonly name: string;
  readonly places: readonly number[];
}

/**
 * The models of a run against one another on the same items: base -> LoRA, base -> full and LoRA -> full under each
 * setting; over all items, each task, each fact group, and the groups that were fine-tuned on; for each training seed and
 * over all seeds.
 *
 * Holm's correction runs over the tasks of one contrast, and for the control group over the models.
 *
 * @throws when models were asked different items, an item's fact is missing, there is not one base, or nothing was tuned
 */
export function compareModels(run: ComparedRun, options: CompareOptions = {}): ModelComparison {
  const { passages, seed = 0, resamples = 2_000 } = options;
  const bases = run.models.filter(({ method }) => method === 'base');
  const tuned = run.models.filter(({ method }) => method !== 'base');
  if (bases.length !== 1 || tuned.length === 0) {
    throw new Error(
      `compare models: needs one base and at least one tuned model, got ${bases.length} and ${tuned.length}`,
    );
  }
  const shared = sharedItems(run.models, run.facts, passages);
  const slices = slicesOf(shared, run.facts).map((slice) => withResamples(slice, shared, seed, resamples));
  const contrast = (setting: Setting, from: 'base' | 'lora', to: Method): Contrast[] => {
    const of = (method: Method) => tuned.filter((model) => model.method === method && isUnder(model, setting));
    const sides = [from === 'base' ? bases : of(from), of(to)] as const;
    if (sides.some((models) => models.length === 0)) return [];
    return [{ setting, from, to, slices: corrected(slices.map((slice) => compareSlice(shared, slice, sides))) }];
  };
  const settings = SETTINGS.filter((setting) => tuned.some((model) => isUnder(model, setting)));
  const control = slices.find(({ kind, name }) => kind === 'fact-group' && name === 'control');
  return {
    items: shared.ids.length,
    clusteredBy: run.facts ? 'fact' : passages ? 'passage' : 'item',
    bootstrap: { seed, resamples },
    contrasts: settings.flatMap((setting) => [
      ...contrast(setting, 'base', 'lora'),
      ...contrast(setting, 'base', 'full'),
      ...contrast(setting, 'lora', 'full'),
    ]),
    control: control ? chanceChecks(shared, control.places, run.models) : null,
    answerInContext: ANSWER_IN_CONTEXT,
  };
}

function slicesOf(shared: SharedItems, facts: RunRecord['facts']): Slice[] {
  const every = shared.ids.map((_, i) => i);
  const names = inTaskOrder(shared.tasks);
  const ofTask = names.map((task) => every.filter((i) => shared.tasks[i] === task));
  const asking = every.filter((i) => !ANSWER_IN_CONTEXT.includes(shared.tasks[i]!));
  const groupOf = (i: number) => facts?.[shared.ids[i]!]?.group;
  const groups = [...new Set(asking.flatMap((i) => groupOf(i) ?? []))];
  const inGroups = (names: readonly string[]) => asking.filter((i) => names.includes(groupOf(i) ?? ''));
  return [
    { kind: 'all' as const, name: 'all', places: every },
    ...names.map((name, t) => ({ kind: 'task' as const, name, places: ofTask[t]! })),
    ...groups.sort().map((name) => ({ kind: 'fact-group' as const, name, places: inGroups([name]) })),
    ...(TAUGHT_GROUPS.every((name) => groups.includes(name))
      ? [{ kind: 'tuned-groups' as const, name: TAUGHT_GROUPS.join(' + '), places: inGroups(TAUGHT_GROUPS) }]
      : []),
  ].filter(({ places }) => places.length > 0);
}

/** Each slice has a stream of its own, so that another task scored does not move its intervals. */
function withResamples(slice: Slice, shared: SharedItems, seed: number, resamples: number) {
  const clusters = at(shared.clusters, slice.places);
  const single = new Set(clusters.map((cluster, i) => cluster ?? i)).size < 2;
  const random = createRandom(seed, `bootstrap ${slice.kind} ${slice.name}`);
  return { ...slice, items: { clusters, resamples: single ? null : drawResamples(clusters, random, resamples) } };
}

function compareSlice(
  shared: SharedItems,
  { kind, name, places, items }: Slice & { readonly items: SliceItems },
  [from, to]: readonly [readonly ScoredModel[], readonly ScoredModel[]],
): SliceComparison {
  const answers = (models: readonly ScoredModel[]): Answers[] =>
    models.map(({ name: model, seed }) => ({ name: model, seed, correct: at(shared.correct.get(model)!, places) }));
  const [before, after] = [answers(from), answers(to)];
  const perSeed = after.flatMap((model) => {
    const partner = before.find(({ seed }) => seed === null || seed === model.seed);
    return partner ? [seedPair(partner, model, items)] : [];
  });
  const pooled = pooledSeeds(before, after, items, perSeed);
  return { kind, name, n: places.length, clusters: pooled.clusters, perSeed, pooled };
}

/** Holm's correction over the tasks: of the pooled p, and of McNemar's for each pair of models. */
function corrected(slices: readonly SliceComparison[]): SliceComparison[] {
  const tasks = slices.filter(({ kind }) => kind === 'task');
  const known = tasks.filter(({ pooled }) => pooled.p !== null);
  const pooledHolm = holm(known.map(({ pooled }) => pooled.p!));
  const seedHolm = (tasks[0]?.perSeed ?? []).map((_, s) => holm(tasks.map(({ perSeed }) => perSeed[s]!.mcNemar)));
  return slices.map((slice) => {
    const task = tasks.indexOf(slice);
    if (task < 0) return slice;
    return {
      ...slice,
      perSeed: slice.perSeed.map((pair, s) => ({ ...pair, mcNemarHolm: seedHolm[s]![task]! })),
      pooled: { ...slice.pooled, pHolm: pooledHolm[known.indexOf(slice)] ?? null },
    };
  });
}
