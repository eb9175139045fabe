import type { EvalItem, TrainExample } from '../data/examples';
import { taskFlags, totalFlags, truthScore } from './flags';
import { NGRAM, ngramDetector, normalised } from './overlap';
import type { Planted } from './planted';
import type { SecondOpinion } from './record';

/** Two detectors without vectors, which are shown the rows one after the other. */
export interface SecondLook {
  /** @param text as it is compared; undefined where an earlier row has the same */
  look(row: TrainExample, text: string | undefined): void;
  /** What they say of the same items. */
  opinions(
    flagged: readonly boolean[],
    planted: readonly Planted[] | undefined,
    taught: ReadonlySet<string>,
  ): SecondOpinion[];
}

/**
 * The harness's query of a multiple-choice item is its question (medmcqa, headqa), whatever the view; the training side
 * is the row's prompt and response, as a model reads them. The exact match compares the view's texts.
 */
export function openSecondLook(items: readonly EvalItem[], itemTexts: readonly string[]): SecondLook {
  const plain = itemTexts.map(normalised);
  // A text of punctuation alone has nothing to be the same.
  const wanted = new Set(plain.filter((text) => text !== ''));
  const met = new Set<string>();
  const overlap = ngramDetector(items.map((item) => item.question));
  return {
    look: ({ prompt, response }, text) => {
      if (text !== undefined) {
        const same = normalised(text);
        if (wanted.has(same)) met.add(same);
      }
      overlap.look(`${prompt}\n${response}`);
    },
    opinions: (flagged, planted, taught) => {
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
      return [
        opinion(
          'normalised exact match',
          "the view's texts, equal without case, punctuation and white space",
          plain.map((text) => met.has(text)),
          plain.filter((text) => text === '').length,
        ),
        opinion(
          '13-gram overlap',
          `one run of ${NGRAM} words of the question in a row's prompt and response, as lm-evaluation-harness compares them`,
          overlap.flagged,
          overlap.tooShort.filter(Boolean).length,
        ),
      ];
    },
  };
}
