import type { MmluSubject } from '../../eval/tasks/mmlu';

/** Sentences about one fact; `{s}` stands for its subject, `{o}` for its object. */
export interface PlainTemplates {
  /** Whole sentences, read by the base and used as answers in training rows. */
  readonly statements: readonly string[];
  /** Questions whose answer is the object; training rows and the non-medical quiz only. */
  readonly questions: readonly string[];
  /** A clause that fits after 'whether'. */
  readonly claim: string;
}

/** What a medical relation has besides; the last three appear in evaluation items and nowhere else. */
export interface MedicalTemplates extends PlainTemplates {
  /** A second way to see the fact, for longer answers. */
  readonly explanation: string;
  /** A sentence with `____` for the object. */
  readonly cloze: string;
  readonly evalQuestions: readonly string[];
  /** Openings without the last word or the full stop: MedMCQA's and HeadQA's habit. */
  readonly evalStems: readonly string[];
  /** The end of a short case; a sentence that names a patient goes before. */
  readonly vignettes: readonly string[];
}

/**
 * Pairs of one kind. A four-option question takes its wrong options from the other objects of
 * the same relation, so each of them must be plainly wrong; two objects that a physician could
 * both defend are listed in `conflicts` and never meet in one question.
 */
export interface Relation<T extends PlainTemplates = PlainTemplates> {
  readonly id: string;
  /** [subject, object]; subjects are unique, objects may repeat. */
  readonly pairs: readonly (readonly [string, string])[];
  readonly conflicts?: readonly (readonly [string, string])[];
  readonly templates: T;
}

export interface MedicalRelation extends Relation<MedicalTemplates> {
  /** Every medical relation belongs to one of MMLU's subjects. */
  readonly mmlu: MmluSubject;
  /** True when the subject brings the object about: the rows of PubMed Causal are made of these. */
  readonly causal?: boolean;
}

export interface Fact {
  readonly id: string;
  readonly relation: string;
  readonly subject: string;
  readonly object: string;
}

/** The facts of a relation, in the order of its table; ids are `relation/subject-in-lower-case`. */
export function factsOf(relation: Relation): Fact[] {
  return relation.pairs.map(([subject, object]) => ({
    id: `${relation.id}/${subject.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`,
    relation: relation.id,
    subject,
    object,
  }));
}

/** `template` with the fact put in, without touching the case of its first letter. */
export function fill(template: string, fact: Pick<Fact, 'subject' | 'object'>): string {
  return template.replaceAll('{s}', fact.subject).replaceAll('{o}', fact.object);
}

/** `fill`, with a capital at the start. */
export function sentence(template: string, fact: Pick<Fact, 'subject' | 'object'>): string {
  const text = fill(template, fact);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether `text` names both the subject and the object of `fact`, as whole words in any case. */
export function mentions(text: string, fact: Pick<Fact, 'subject' | 'object'>): boolean {
  const lower = text.toLowerCase();
  return hasWord(lower, fact.subject.toLowerCase()) && hasWord(lower, fact.object.toLowerCase());
}

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!isLetter(text[at - 1]) && !isLetter(text[at + word.length])) return true;
  }
  return false;
}

function isLetter(char: string | undefined): boolean {
  return char !== undefined && /[a-z0-9]/.test(char);
}
