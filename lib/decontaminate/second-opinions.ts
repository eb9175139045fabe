import type { EvalItem, TrainExample } from '../data/examples';
import { taskFlags, totalFlags, truthScore } from './flags';
import { NGRAM, ngramOverlap, normalised } from './overlap';
import type { Planted } from './planted';
import type { SecondOpinion } from './record';

/**
 * What two detectors without vectors say of the same items.
 *
 * The harness's query of a multiple-choice item is its question (medmcqa, headqa), whatever the view; the training side
 * is the row's prompt and response, as a model reads them. The exact match compares the view's texts.
 */
export function secondOpinions(
  items: readonly EvalItem[],
  rows: readonly TrainExample[],
  itemTexts: readonly string[],
  rowTexts: readonly string[],
  flagged: readonly boolean[],
  planted: readonly Planted[] | undefined,
  taught: ReadonlySet<string>,
): SecondOpinion[] {
  const opinion = (
    method: SecondOpinion['method'],
    rule: string,
    own: readonly boolean[],
    cannotMatch: number,
  ): SecondOpinion => ({
    method,
    rule,
    total: totalFlags(own),
    tasks: taskFlags(items, own),
    flagged: items.filter((_, i) => own[i]).map((item) => item.id),
    alsoFlagged: own.filter((flag, i) => flag && flagged[i]).length,
    cannotMatch,
    // These detectors say that an item is contaminated, not by which row.
    truth: planted ? truthScore(items, own, planted, taught, () => false) : null,
  });
  const known = new Set(rowTexts.map(normalised));
  const plain = itemTexts.map(normalised);
  // A text of punctuation alone has nothing to be the same.
  const same = plain.map((text) => text !== '' && known.has(text));
  const overlap = ngramOverlap(
    items.map((item) => item.question),
    (function* () {
      for (const { prompt, response } of rows) yield `${prompt}\n${response}`;
    })(),
  );
  return [
    opinion(
      'normalised exact match',
      "the view's texts, equal without case, punctuation and white space",
      same,
      plain.filter((text) => text === '').length,
    ),
    opinion(
      '13-gram overlap',
      `one run of ${NGRAM} words of the question in a row's prompt and response, as lm-evaluation-harness compares them`,
      overlap.flagged,
      overlap.tooShort.filter(Boolean).length,
    ),
  ];
}
