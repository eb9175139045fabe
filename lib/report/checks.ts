import { aboutTaughtFacts, effectsOf } from '../compare/contamination';
import { inPoints, verdictOf } from '../compare/estimate';
import { type Contrast, differenceOf, type ModelComparison, mainSlice } from '../compare/models';
import type { RunRecord } from '../compare/run-record';
import { fairSetting, isCompared, mainSetting, runsOf } from '../compare/runs';
import type { Decontamination } from '../decontaminate/record';
import { constantAnswers } from '../eval/constant-answers';
import { numberText } from './table';
import { NAMES, pointsText } from './verdict-words';

/** Of flagged items, before a sentence says what they did. */
const FEWEST_FLAGGED = 5;

/** What must be known beside the answer to believe it, in the order of its weight. */
export function checksOf(
  record: RunRecord,
  comparison: ModelComparison | null,
  detector: Decontamination | null,
): readonly string[] {
  const fair = fairSetting(record);
  const methods = comparison?.contrasts.find(({ setting, from }) => setting === fair && from === 'lora');
  return [
    ...oneChoice(record),
    ...perTask(methods),
    ...control(comparison),
    ...paperRates(comparison, mainSetting(record)),
    ...contamination(record, detector),
  ];
}

/** Accuracy without knowledge, for which the intervals and tests above have no eye. */
function oneChoice(record: RunRecord): string[] {
  const stuck = (['base', 'lora', 'full'] as const).flatMap((method) => {
    const runs = [...new Set([mainSetting(record), fairSetting(record)].flatMap((one) => runsOf(record, method, one)))];
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
  const effects = effectsOf(aboutTaughtFacts(record), detector).filter((one) => isCompared(record, one));
  const few = effects.every((one) => one.flagged < FEWEST_FLAGGED);
  if (few) return [`${counted}, too few to say whether that helped.`];
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
