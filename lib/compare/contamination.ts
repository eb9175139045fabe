import { sampleVariance } from 'simple-statistics';
import type { Method } from '../config';
import type { Decontamination } from '../decontaminate/record';
import {
  type DifferenceInDifferences,
  differenceInDifferences,
  type FlaggedPair,
} from '../statistics/difference-in-differences';
import { holm } from '../statistics/holm';
import { type Estimate, estimateOf } from '../statistics/paired-difference';
import { detectableDifference } from '../statistics/power';
import { satterthwaite } from '../statistics/satterthwaite';
import { type ScoredModel, type SharedItems, sharedItems } from './items';
import { TAUGHT_GROUPS } from './labels';
import { ANSWER_IN_CONTEXT, type ComparedRun } from './models';
import { type RunRecord, SETTINGS, type Setting } from './run-record';

/** Whether tuning helped more on flagged items than on clean ones of the same task. Shares, 0..1. */
export interface ContaminationEffect extends Estimate {
  readonly setting: Setting;
  readonly method: Method;
  readonly seeds: number;
  /** What interval and p count. */
  readonly counts: 'items and seeds' | 'items';
  readonly flagged: number;
  readonly clean: number;
  readonly clustersFlagged: number;
  /** Mean change from the base over the seeds, all tasks together. */
  readonly changeOnFlagged: number;
  readonly changeOnClean: number;
  /** The effect of each seed. */
  readonly perSeed: readonly { readonly seed: number | null; readonly value: number }[];
  /** p corrected over the methods and settings. */
  readonly pHolm: number | null;
  /** The true effect that would be found four times out of five; null where no spread can be told. */
  readonly detectable: number | null;
}

/**
 * Did contamination help? For each tuned method the change from the base on flagged items less that on clean items, within
 * tasks, over all training seeds; interval and p count items (by fact or passage) and seeds.
 *
 * @param flagged ids of items found too near to the training rows
 * @returns none where fewer than two clusters of items are flagged, or not flagged: nothing can be told then
 * @throws when a flagged id is of no scored item, or models were asked different items
 */
export function contaminationEffects(
  run: ComparedRun,
  flagged: readonly string[],
  passages?: Readonly<Record<string, string>>,
): ContaminationEffect[] {
  const shared = sharedItems(run.models, run.facts, passages);
  const marked = new Set(flagged);
  const unknown = flagged.find((id) => !shared.ids.includes(id));
  if (unknown !== undefined) {
    throw new Error(`contamination effect: flagged item ${unknown} was not scored; flag the items of this run`);
  }
  const base = run.models.find(({ method }) => method === 'base');
  if (!base) throw new Error('contamination effect: needs the base that the models were tuned from, got none');
  if (!canTell(shared, marked)) return [];
  const found = SETTINGS.flatMap((setting) =>
    (['lora', 'full'] as const).flatMap((method) => {
      const models = run.models.filter((model) => model.method === method && model.setting === setting);
      return models.length === 0 ? [] : [effectOf(shared, marked, base, models, setting, method)];
    }),
  );
  const known = found.filter(({ p }) => p !== null);
  const adjusted = holm(known.map(({ p }) => p!));
  return found.map((effect) => ({ ...effect, pHolm: adjusted[known.indexOf(effect)] ?? null }));
}

/** Two clusters flagged and two clean, a task that has both kinds, and more items than tasks and the flag take up. */
function canTell({ ids, tasks, clusters }: SharedItems, flagged: ReadonlySet<string>): boolean {
  const kinds = [true, false].map((kind) => ids.flatMap((id, i) => (flagged.has(id) === kind ? [i] : [])));
  const [marked, clean] = kinds.map((places) => new Set(places.map((i) => tasks[i]!)));
  return (
    kinds.every((places) => new Set(places.map((i) => clusters[i] ?? ids[i]!)).size >= 2) &&
    [...marked!].some((task) => clean!.has(task)) &&
    ids.length > new Set(tasks).size + 1
  );
}

function effectOf(
  shared: SharedItems,
  flagged: ReadonlySet<string>,
  base: ScoredModel,
  models: readonly ScoredModel[],
  setting: Setting,
  method: Method,
): ContaminationEffect {
  const before = shared.correct.get(base.name)!;
  const after = models.map(({ name }) => shared.correct.get(name)!);
  const effect = (b: (i: number) => number): DifferenceInDifferences =>
    differenceInDifferences(
      shared.ids.map(
        (id, i): FlaggedPair => ({
          a: before[i]!,
          b: b(i),
          flagged: flagged.has(id),
          stratum: shared.tasks[i]!,
          cluster: shared.clusters[i],
        }),
      ),
    );
  const pooled = effect((i) => after.reduce((sum, correct) => sum + correct[i]!, 0) / after.length);
  const perSeed = models.map(({ seed }, m) => ({ seed, value: effect((i) => after[m]![i]!).value }));
  const values = perSeed.map(({ value }) => value);
  const { stderr, df } = satterthwaite([
    { variance: pooled.stderr! ** 2, df: pooled.df },
    ...(values.length > 1 ? [{ variance: sampleVariance(values) / values.length, df: values.length - 1 }] : []),
  ]);
  return {
    ...estimateOf(pooled.value, stderr, df),
    setting,
    method,
    seeds: models.length,
    counts: values.length > 1 ? 'items and seeds' : 'items',
    flagged: pooled.flagged,
    clean: pooled.clean,
    clustersFlagged: pooled.clustersFlagged,
    changeOnFlagged: pooled.onFlagged,
    changeOnClean: pooled.onClean,
    perSeed,
    pHolm: null,
    detectable: detectableDifference(stderr),
  };
}

/** Of the flagged items that this run scored, which may be a sample; empty where too few are flagged to tell. */
export function effectsOf(record: ComparedRun, { flagged }: Pick<Decontamination, 'flagged'>): ContaminationEffect[] {
  const scored = new Set(record.models[0]!.scores.items.map(({ id }) => id));
  return contaminationEffects(
    record,
    flagged.filter((id) => scored.has(id)),
  );
}

/**
 * The run with the items alone that ask for facts which the training rows teach; the whole run where facts are not known.
 * Items that answer themselves are left out.
 */
export function aboutTaughtFacts({ models, facts }: RunRecord): ComparedRun {
  if (!facts) return { models, facts };
  return {
    facts,
    models: models.map((model) => ({
      ...model,
      scores: {
        items: model.scores.items.filter(
          ({ id, task }) => TAUGHT_GROUPS.includes(facts[id]?.group ?? '') && !ANSWER_IN_CONTEXT.includes(task),
        ),
      },
    })),
  };
}
