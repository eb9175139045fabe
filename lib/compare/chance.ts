import { mean } from 'simple-statistics';
import { binomialTest } from '../statistics/binomial';
import { holm } from '../statistics/holm';
import { type Estimate, pairedDifference } from '../statistics/paired-difference';
import { proportion } from '../statistics/proportion';
import { seedComparison } from '../statistics/seed-comparison';
import { at, type ScoredModel, type SharedItems } from './items';

/** A model's accuracy against guessing. Shares, 0..1. */
export interface ChanceCheck {
  /** The model's name; of several seeds together the method and setting. */
  readonly model: string;
  readonly seeds: number;
  readonly n: number;
  readonly clusters: number;
  readonly accuracy: number;
  /** Mean of 1 / choices. */
  readonly chance: number;
  /** accuracy - chance, its standard error clustered; over several seeds it counts these too. */
  readonly difference: number;
  readonly stderr: number | null;
  readonly interval: Estimate['interval'];
  /**
   * Two-sided. Of one model the larger of the clustered t's and the exact binomial's: the first is too ready to reject
   * where chance is far from a half (8% for 5% at 48 items in our simulation), the second takes items as independent.
   */
  readonly p: number | null;
  /** p corrected over the models of one seed, and apart from them over the methods. */
  readonly pHolm: number | null;
  /** Of one model: Wilson's interval of the accuracy, and the exact test at the mean chance. */
  readonly wilson: readonly [low: number, high: number] | null;
  readonly binomialP: number | null;
  /** The corrected p is 0.05 or more; that is no proof of chance: see detectable differences. */
  readonly atChance: boolean;
}

/** Each model on its own, then each method over its seeds where it has several. None where there are no such items. */
export function chanceChecks(
  shared: SharedItems,
  places: readonly number[],
  models: readonly ScoredModel[],
): ChanceCheck[] {
  if (places.length === 0) return [];
  const families = [...new Set(models.filter(({ seed }) => seed !== null).map(familyOf))];
  const groups = families.map((family) => models.filter((model) => model.seed !== null && familyOf(model) === family));
  return [
    ...corrected(models.map((model) => ofModel(shared, places, model))),
    ...corrected(groups.filter((group) => group.length > 1).map((group) => ofSeeds(shared, places, group))),
  ];
}

const familyOf = ({ method, setting }: ScoredModel): string => `${method}, ${setting}`;

function ofModel(shared: SharedItems, places: readonly number[], model: ScoredModel): ChanceCheck {
  const [chances, clusters, correct] = slice(shared, places, model);
  const against = pairedDifference(chances.map((a, i) => ({ a, b: correct[i]!, cluster: clusters[i] })));
  const count = correct.reduce((sum, one) => sum + one, 0);
  const binomialP = binomialTest(count, places.length, mean(chances));
  return {
    model: model.name,
    seeds: 1,
    ...shown(against, mean(correct), mean(chances)),
    p: Math.max(against.p ?? 0, binomialP),
    wilson: proportion(count, places.length).interval,
    binomialP,
  };
}

function ofSeeds(shared: SharedItems, places: readonly number[], models: readonly ScoredModel[]): ChanceCheck {
  const scores = models.map((model) => slice(shared, places, model)[2]);
  const [chances, clusters] = slice(shared, places, models[0]!);
  const against = seedComparison([chances], scores, { clusters, fixedA: true });
  return {
    model: familyOf(models[0]!),
    seeds: models.length,
    ...shown(against, against.meanB, mean(chances)),
    wilson: null,
    binomialP: null,
  };
}

function slice(shared: SharedItems, places: readonly number[], model: ScoredModel) {
  const correct = at(shared.correct.get(model.name)!, places);
  return [at(shared.chances, places), at(shared.clusters, places), correct] as const;
}

function shown(estimate: Estimate & { n: number; clusters: number }, accuracy: number, chance: number) {
  const { n, clusters, value, stderr, interval, p } = estimate;
  return { n, clusters, accuracy, chance, difference: value, stderr, interval, p, pHolm: null, atChance: false };
}

function corrected(checks: readonly ChanceCheck[]): ChanceCheck[] {
  const known = checks.filter(({ p }) => p !== null);
  const adjusted = holm(known.map(({ p }) => p!));
  return checks.map((check) => {
    const pHolm = check.p === null ? null : adjusted[known.indexOf(check)]!;
    return { ...check, pHolm, atChance: pHolm !== null && pHolm >= 0.05 };
  });
}
