import { join } from 'node:path';
import { loadEvalItems, loadTrainExamples } from '../data/examples';
import { nearestByTfIdf, type TfIdfOptions } from '../decontaminate/tf-idf';
import { itemText, rowText } from '../decontaminate/views';
import { createRandom } from '../random';
import { developmentPairs } from './development-pairs';
import { readItemFacts } from './miniature';
import { isTuned } from './world/groups';

export interface TfIdfChoice extends TfIdfOptions {
  readonly threshold: number;
  readonly f1: number;
  readonly precision: number;
  readonly recall: number;
}

const DRAWS = 5;
const THRESHOLDS = Array.from({ length: 76 }, (_, i) => (20 + i) / 100);
const FORMS: readonly TfIdfOptions[] = [false, true].flatMap((pairs) =>
  [0.02, 0.05, 0.1, 0.2, 1].map((maxShare) => ({ pairs, maxShare })),
);

/**
 * For each form of TF-IDF the threshold with the best F1 on development pairs, five draws of them counted together, the
 * best form first. No evaluation item and no training row is looked at.
 *
 * @param folder the miniature's
 */
export async function chooseTfIdf(folder: string): Promise<TfIdfChoice[]> {
  const { items } = await loadEvalItems(join(folder, 'development'));
  const { examples: rows } = await loadTrainExamples(join(folder, 'development'));
  const facts = await readItemFacts(folder);
  const counts = FORMS.map(() => THRESHOLDS.map(() => ({ flagged: 0, right: 0 })));
  let contaminated = 0;
  for (let seed = 1; seed <= DRAWS; seed++) {
    const drawn = developmentPairs(
      items,
      rows,
      (id) => facts.get(id)!.factId,
      (id) => isTuned(facts.get(id)!.group),
      createRandom(seed, 'development pairs'),
    );
    const planted = new Set(drawn.planted.map(({ itemId }) => itemId));
    contaminated += planted.size;
    const itemTexts = drawn.items.map((item) => itemText(item, 'question-options'));
    const rowTexts = drawn.rows.map((row) => rowText(row, 'question-options'));
    for (const [form, options] of FORMS.entries()) {
      const { cosines } = nearestByTfIdf(itemTexts, rowTexts, 1, options);
      for (const [t, threshold] of THRESHOLDS.entries()) {
        const flagged = drawn.items.filter((_, i) => cosines[i]! > threshold);
        const count = counts[form]![t]!;
        count.flagged += flagged.length;
        count.right += flagged.filter(({ id }) => planted.has(id)).length;
      }
    }
  }
  const choices = FORMS.map((options, form): TfIdfChoice => {
    const scored = counts[form]!.map(({ flagged, right }, t) => ({
      ...options,
      threshold: THRESHOLDS[t]!,
      f1: (2 * right) / (flagged + contaminated),
      precision: right / flagged,
      recall: right / contaminated,
    }));
    return scored.reduce((best, one) => (one.f1 > best.f1 ? one : best));
  });
  return choices.sort((a, b) => b.f1 - a.f1);
}
