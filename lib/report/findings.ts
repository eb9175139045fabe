import { aboutTaughtFacts, effectsOf } from '../compare/contamination';
import { costOf } from '../compare/cost';
import { type Difference, inPoints, verdictOf } from '../compare/estimate';
import { type Forgetting, forgettingOf } from '../compare/forgetting';
import { type Contrast, differenceOf, type ModelComparison, mainSlice, type SliceComparison } from '../compare/models';
import type { RunRecord } from '../compare/run-record';
import { mainSetting, runsOf } from '../compare/runs';
import type { Decontamination } from '../decontaminate/record';
import { constantAnswers } from '../eval/constant-answers';
import { isEstimate, numberText, pText } from './table';

/** What the numbers say, in words that follow from them. */
export interface Findings {
  /** Did tuning help; LoRA or full; at what price: three sentences. */
  readonly answer: readonly string[];
  /** What else must be known to believe them. */
  readonly checks: readonly string[];
}

const NAMES = { base: 'the base', lora: 'LoRA', full: 'full-parameter training' } as const;

/** '+3.1 points [1.2, 5.0]' */
export function pointsText(difference: Difference, signed = true): string {
  const number = (value: number) => numberText(value, 1, signed);
  if (!isEstimate(difference)) return `${number(difference)} points, the same on every item`;
  return `${number(difference.value)} points [${number(difference.low)}, ${number(difference.high)}]`;
}

export function findings(
  record: RunRecord,
  comparison: ModelComparison | null,
  detector: Decontamination | null,
): Findings {
  const setting = mainSetting(record);
  const contrast = (from: Contrast['from'], to: Contrast['to']) =>
    comparison?.contrasts.find((one) => one.setting === setting && one.from === from && one.to === to);
  return {
    answer: [
      againstBase([contrast('base', 'lora'), contrast('base', 'full')].flatMap((one) => one ?? [])),
      loraAgainstFull(contrast('lora', 'full')),
      price(record),
    ],
    checks: [
      ...oneChoice(record),
      ...perTask(contrast('lora', 'full')),
      ...control(comparison),
      ...paperRates(comparison, setting),
      ...contamination(record, detector),
    ],
  };
}

function againstBase(contrasts: readonly Contrast[]): string {
  if (contrasts.length === 0) return 'Nothing was tuned, so there is nothing to set against the base.';
  const slices = contrasts.map(mainSlice);
  const where = whereOf(slices[0]!);
  const told = contrasts.map(({ to }, i) => {
    const difference = differenceOf(slices[i]!);
    return { name: NAMES[to], verdict: verdictOf(difference), text: pointsText(difference) };
  });
  const verdicts = new Set(told.map(({ verdict }) => verdict));
  const list = told.map(({ name, text }) => `${name} ${text}`).join(', ');
  if (told.length === 2 && verdicts.size === 1) {
    const both = {
      higher: 'both tuned models score higher than the untouched base',
      lower: 'both tuned models score lower than the untouched base',
      untold: 'neither tuned model can be told from the untouched base',
      equal: 'both tuned models answer exactly as well as the untouched base',
    }[told[0]!.verdict];
    return `On ${where}, ${both}: ${list}.`;
  }
  const each = told.map(({ name, verdict, text }) => {
    if (verdict === 'untold') return `${name} cannot be told from the untouched base (${text})`;
    if (verdict === 'equal') return `${name} answers exactly as well as the untouched base`;
    return `${name} scores ${verdict} than the untouched base (${text})`;
  });
  return `On ${where}, ${each.join('; ')}.`;
}

function loraAgainstFull(contrast: Contrast | undefined): string {
  if (!contrast) return 'LoRA and full-parameter training were not both run, so they are not compared.';
  const slice = mainSlice(contrast);
  const difference = differenceOf(slice);
  const { seedsFrom, seedsTo, detectable, p, counts } = slice.pooled;
  const seeds =
    counts === 'items and seeds'
      ? `${seedsFrom} and ${seedsTo} training seeds, which the interval counts`
      : 'one training seed each, so another training could differ by more than the interval says';
  const size = Math.abs(isEstimate(difference) ? difference.value : difference);
  const interval = isEstimate(difference) ? pointsText(difference) : `${numberText(size, 1)} points`;
  const pWords = p === null ? '' : `, p ${p < 0.001 ? pText(p) : `= ${pText(p)}`}`;
  switch (verdictOf(difference)) {
    case 'higher':
      return `Full-parameter training scores higher than LoRA on the same items: ${interval}${pWords} (${seeds}).`;
    case 'lower':
      return `Full-parameter training scores lower than LoRA on the same items: ${interval}${pWords} (${seeds}).`;
    case 'equal':
      return `LoRA and full-parameter training answer equally well on the same items (${seeds}).`;
    default: {
      const limit =
        detectable === null
          ? ''
          : `; a true difference below about ${numberText(100 * detectable, 1)} points could go unseen`;
      return `LoRA and full-parameter training cannot be told apart on the same items: full minus LoRA is ${interval}${pWords} (${seeds})${limit}.`;
    }
  }
}

function price(record: RunRecord): string {
  const setting = mainSetting(record);
  const [lora, full] = [costOf(runsOf(record, 'lora', setting)), costOf(runsOf(record, 'full', setting))];
  if (!lora || !full) return 'The price of LoRA against full-parameter training cannot be told from one of them alone.';
  const share = (a: number, b: number) =>
    a < b ? `${numberText((100 * a) / b, a < 0.1 * b ? 1 : 0)}% of` : `${numberText(a / b, a < 10 * b ? 2 : 0)} times`;
  const parts =
    `Against full-parameter training, LoRA changes ${share(lora.trainable, full.trainable)} the parameters, saves a file ` +
    `${share(lora.savedBytes, full.savedBytes)} the size and took ${share(lora.peakMemoryBytes, full.peakMemoryBytes)} the peak memory and ` +
    `${share(lora.seconds, full.seconds)} the time, for ${lora.tokens === full.tokens ? 'the same' : `${share(lora.tokens, full.tokens)} the`} tokens`;
  const quiz = forgettingOf(record).filter((one) => one.setting === setting && one.change !== null);
  return `${parts}${quiz.length === 0 ? '' : `; on the general quiz, ${quiz.map(forgotten).join(' and ')}`}.`;
}

function forgotten({ method, change }: Forgetting): string {
  const name = NAMES[method];
  switch (verdictOf(change!)) {
    case 'higher':
      return `${name} gained ${pointsText(change!)}`;
    case 'lower':
      return `${name} lost ground, ${pointsText(change!)}`;
    case 'equal':
      return `${name} lost nothing`;
    default:
      return `${name} shows no change that can be told from none (${pointsText(change!)})`;
  }
}

/** Accuracy without knowledge, for which the intervals and tests above have no eye. */
function oneChoice(record: RunRecord): string[] {
  const stuck = (['base', 'lora', 'full'] as const).flatMap((method) => {
    const runs = runsOf(record, method);
    const tasks = new Set(runs.flatMap(({ scores }) => constantAnswers(scores.items).map(({ task }) => task)));
    const all = new Set(runs.flatMap(({ scores }) => scores.items.map(({ task }) => task))).size;
    return tasks.size === 0 ? [] : [`${NAMES[method]} on ${tasks.size} of ${all} tasks`];
  });
  if (stuck.length === 0) return [];
  return [
    `One and the same choice is nearly every answer of ${stuck.join(', of ')}: its accuracy there is how often that choice happens to be right, no knowledge, and a difference from it no gain or loss of any.`,
  ];
}

function perTask(contrast: Contrast | undefined): string[] {
  const tasks = contrast?.slices.filter(({ kind }) => kind === 'task') ?? [];
  if (tasks.length < 2) return [];
  const told = tasks.filter(({ pooled }) => pooled.pHolm !== null && pooled.pHolm < 0.05);
  const ahead = (sign: number) => told.filter(({ pooled }) => Math.sign(pooled.difference) === sign).length;
  if (told.length === 0) {
    return [
      `Task by task, none of the ${tasks.length} shows a difference between LoRA and full-parameter training after Holm’s correction.`,
    ];
  }
  return [
    `Task by task, ${told.length} of ${tasks.length} ${told.length === 1 ? 'shows' : 'show'} a difference after Holm’s correction: full-parameter training is ahead on ${ahead(1)}, LoRA on ${ahead(-1)}.`,
  ];
}

function control(comparison: ModelComparison | null): string[] {
  const checks = comparison?.control;
  if (!checks || checks.length === 0) return [];
  const off = checks.filter(({ atChance }) => !atChance);
  if (off.length === 0) {
    return [
      `On the control group, facts that no training text has, no model can be told from chance (${checks[0]!.n} items, ${numberText(100 * checks[0]!.chance, 1)}%).`,
    ];
  }
  const list = off.map(({ model, accuracy }) => `${model} ${numberText(100 * accuracy, 1)}%`).join(', ');
  return [
    `The control group, facts that no training text has, is off chance (${numberText(100 * off[0]!.chance, 1)}%) for ${list}: something other than learning moves these scores, and the changes above must not be trusted until it is found.`,
  ];
}

function paperRates(comparison: ModelComparison | null, main: Contrast['setting']): string[] {
  const own = comparison?.contrasts.filter(({ setting, from }) => setting === 'paper' && from === 'base') ?? [];
  if (main === 'paper' || own.length === 0) return [];
  const list = own.map((contrast) => `${NAMES[contrast.to]} ${pointsText(differenceOf(mainSlice(contrast)))}`);
  return [
    `At the paper’s own learning rates, meant for models of 7 and 70 billion parameters, the change against the base is ${list.join(', ')}.`,
  ];
}

function contamination(record: RunRecord, detector: Decontamination | null): string[] {
  if (!detector) return [];
  const items = record.models[0]!.scores.items;
  const out = new Set(detector.flagged);
  const flagged = items.filter(({ id }) => out.has(id)).length;
  const counted = `${numberText(flagged, 0)} of ${numberText(items.length, 0)} items are flagged as contaminated (${detector.method}${detector.isPapersMethod ? '' : ', which is not the paper’s method'})`;
  const effects = effectsOf(aboutTaughtFacts(record), detector).filter(
    ({ setting }) => setting === mainSetting(record),
  );
  if (effects.length === 0) return [`${counted}, too few to say whether that helped.`];
  // Items about facts that no row teaches have nothing to gain from any row.
  const clean = record.facts ? 'clean items about facts that the rows teach' : 'clean items';
  const told = effects.map((one) => {
    const effect = inPoints(one);
    const words = {
      higher: `gained more on them than on ${clean}`,
      lower: `gained less on them than on ${clean}`,
      untold: `shows no difference between them and ${clean}`,
      equal: `gained the same on them as on ${clean}`,
    }[verdictOf(effect)];
    return `${NAMES[one.method]} ${words} (${pointsText(effect)})`;
  });
  return [`${counted}: ${told.join('; ')}.`];
}

function whereOf({ kind, n, clusters }: SliceComparison): string {
  const items = `${n.toLocaleString('en-US')} items`;
  return kind === 'tuned-groups'
    ? `the facts that were fine-tuned on (${items} about ${clusters} facts)`
    : `all ${items}`;
}
