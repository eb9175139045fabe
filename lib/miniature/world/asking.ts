import type { Random } from '../../random';
import { pick } from './blocks';
import { type Fact, type PlainTemplates, sentence } from './relation';

/** Ask for what goes with a subject, whatever the relation: in the general text and the training rows, never in an item. */
const OF_ANY_RELATION = [
  'which of these goes with {s}?',
  'what belongs together with {s}?',
  'think of {s}. What comes to mind?',
  'what is the partner of {s}?',
  '{s} and what else make a pair?',
  'what should a pupil write beside {s}?',
] as const;

/**
 * A question whose answer is the fact's object: one time in two in the relation's own words. A small model that meets
 * a relation in its own few words alone learns the words; asked in all manner of ways, it learns to look for the subject.
 */
export function askFor(fact: Fact, { questions }: Pick<PlainTemplates, 'questions'>, random: Random): string {
  return sentence(pick(random.int(2) === 0 ? questions : OF_ANY_RELATION, random), fact);
}
