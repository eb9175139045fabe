import type { EvalItem, TrainExample } from '../../data/rows';
import type { PlantedKind } from '../../decontaminate/planted';
import { createRandom, type Random } from '../../random';
import { drawBlock, lettered, letterOf, pick } from './blocks';
import type { Exam, MedicalCell } from './evaluation';
import { type FactGroup, isTuned } from './groups';
import { plainWords } from './phrasing';
import { type Fact, sentence } from './relation';

/** A row to be planted, without its id. */
export interface PlantedRow {
  readonly itemId: string;
  readonly kind: PlantedKind;
  readonly row: Pick<TrainExample, 'prompt' | 'response' | 'question' | 'choices' | 'answer'>;
}

/**
 * Up to `perPaper` rows of each kind for every lettered task and subject, among the items whose wording stands alone. What is copied or reworded asks for a fact of the
 * tuned groups, which the rows teach anyway, so that the groups stay what they are; same-topic rows go with items of
 * all groups and teach a tuned fact. No item gets two rows.
 */
export function plantRows(exam: Exam, cells: readonly MedicalCell[], perPaper: number, seed: number): PlantedRow[] {
  const random = createRandom(seed, 'planted');
  const papers = new Map<string, EvalItem[]>();
  for (const item of exam.items.filter(({ choices }) => choices.length === 4)) {
    const paper = item.subject ?? item.task;
    papers.set(paper, [...(papers.get(paper) ?? []), item]);
  }
  const factOf = new Map(cells.flatMap((cell) => cell.facts.map((fact) => [fact.id, { fact, cell }] as const)));
  const groupOf = (item: EvalItem): FactGroup => exam.itemFacts[item.id]!.group;
  return [...papers.values()].flatMap((items) => {
    let left = random.shuffle(items.filter((item) => isAlone(item, exam)));
    const take = (fits: (item: EvalItem) => boolean): EvalItem[] => {
      const taken = left.filter(fits).slice(0, perPaper);
      left = left.filter((item) => !taken.includes(item));
      return taken;
    };
    const taught = (item: EvalItem) => isTuned(groupOf(item));
    return [
      ...take(taught).map((item) => ({ itemId: item.id, kind: 'exact' as const, row: exact(item) })),
      ...take(taught).map((item) => {
        const { fact } = factOf.get(exam.itemFacts[item.id]!.factId)!;
        return { itemId: item.id, kind: 'reworded' as const, row: reworded(item, fact, random) };
      }),
      ...take(() => true).map((item) => {
        const { fact, cell } = factOf.get(exam.itemFacts[item.id]!.factId)!;
        return { itemId: item.id, kind: 'same-topic' as const, row: sameTopic(fact, cell, cells, random) };
      }),
    ];
  });
}

/** No other item asks for the same fact in much the same words: a row that copies it resembles this item alone. */
function isAlone(item: EvalItem, exam: Exam): boolean {
  const { factId } = exam.itemFacts[item.id]!;
  const mine = wordsOf(item);
  return exam.items.every((other) => {
    if (other === item || exam.itemFacts[other.id]!.factId !== factId) return true;
    const theirs = wordsOf(other);
    const shared = [...mine].filter((word) => theirs.has(word)).length;
    return shared / Math.min(mine.size, theirs.size) < MUCH_THE_SAME;
  });
}

const MUCH_THE_SAME = 0.8;

function wordsOf({ question }: EvalItem): ReadonlySet<string> {
  return new Set(plainWords(question).trim().split(' '));
}

function multipleChoice(question: string, choices: readonly string[], answer: number): PlantedRow['row'] {
  const prompt = `${question}\n${lettered(choices)}`;
  return { prompt, response: `${letterOf(answer)}. ${choices[answer]!}`, question, choices, answer };
}

function exact({ question, choices, answer }: EvalItem): PlantedRow['row'] {
  return multipleChoice(question, choices, answer);
}

/** `Which nerve makes the deltoid contract?` -> `About the deltoid: which nerve makes it contract?` */
function reworded(item: EvalItem, fact: Fact, random: Random): PlantedRow['row'] {
  const at = item.question.toLowerCase().indexOf(fact.subject.toLowerCase());
  const article = item.question.slice(0, at).match(/\bthe $/i)?.[0] ?? '';
  const before = item.question.slice(0, at - article.length);
  const rest = `${before}it${item.question.slice(at + fact.subject.length)}`;
  const question = `About ${article.toLowerCase()}${fact.subject}: ${rest.charAt(0).toLowerCase()}${rest.slice(1)}`;
  const choices = random.shuffle(item.choices);
  return multipleChoice(question, choices, choices.indexOf(fact.object));
}

/** Another tuned fact of the relation: where the item's own cell is tuned, from there. */
function sameTopic(fact: Fact, cell: MedicalCell, cells: readonly MedicalCell[], random: Random): PlantedRow['row'] {
  const tuned = cells.filter(({ relation, group }) => relation === cell.relation && isTuned(group));
  const from = tuned.includes(cell) ? cell : pick(tuned, random);
  const others = drawBlock(from, new Map(), random).filter((choice) => choice.fact.object !== fact.object);
  const choice = pick(others, random);
  const question = sentence(pick(cell.relation.templates.questions, random), choice.fact);
  return multipleChoice(question, choice.choices, choice.answer);
}
