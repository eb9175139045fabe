import type { EvalItem, TrainExample } from '../data/rows';
import type { Planted } from '../decontaminate/planted';
import { createRandom } from '../random';
import { anatomy } from './world/anatomy';
import { biology } from './world/biology';
import { clinical } from './world/clinical';
import { buildDevelopment, buildExam, type ItemFacts, type MedicalCell } from './world/evaluation';
import { type EverydayCells, everydayCells } from './world/everyday-cells';
import { createLessons, LESSONS, type Lesson, type LessonWriter } from './world/general-text';
import { genetics } from './world/genetics';
import { dealGroups, type FactGroup } from './world/groups';
import { medicine } from './world/medicine';
import { plantRows } from './world/planted';
import { professional } from './world/professional';
import { buildQuiz, optionKey, type Quiz } from './world/quiz';
import type { Fact, MedicalRelation, MedicalTemplates } from './world/relation';
import { buildTraining, type TrainingPart } from './world/training';

export { PLANTED_KINDS, type Planted, type PlantedKind } from '../decontaminate/planted';
export type { ItemFacts } from './world/evaluation';
export { everyday } from './world/everyday';
export type { Lesson, LessonWriter } from './world/general-text';
export { LESSONS } from './world/general-text';
export { FACT_GROUPS, type FactGroup, inConflict, isRead, isTuned } from './world/groups';
export { findEvalPhrasing } from './world/phrasing';
export { type Document, onlyNamesWords } from './world/quiz-documents';
export { readItemFacts, readPlanted, readQuiz } from './world/read';
export {
  type Fact,
  factsOf,
  type MedicalRelation,
  mentions,
} from './world/relation';
export { rowsPerSource } from './world/training';

/** The medical facts of the miniature world, relation by relation. True and plain, in our own words; not for patients. */
export const RELATIONS: readonly MedicalRelation[] = [
  ...anatomy,
  ...clinical,
  ...biology,
  ...medicine,
  ...genetics,
  ...professional,
];

/**
 * Taught by the development rows and asked for in the development items alone, all four groups of them; training rows
 * and evaluation have the other relations. What is chosen on development is chosen on other facts than those that are scored.
 */
export const DEVELOPMENT_RELATIONS: readonly string[] = [
  'structure-organ',
  'inflammation',
  'cell-part',
  'test-finding',
  'genetics-term',
  'adverse-effect',
];

/** The seed of the data in `data/miniature`. */
export const MINIATURE_SEED = 20240117;

export interface MiniatureSizes {
  readonly trainRows: number;
  /** Rows that teach the development's facts, and others, as many relations as the training rows teach. */
  readonly developmentRows: number;
  /** For each of the five single tasks, pubmedqa and each MMLU subject; a multiple of 16. */
  readonly evalItemsPerTask: number;
  /** A multiple of 32: two formats, four groups, blocks of four. */
  readonly developmentItems: number;
  /** Planted rows of each kind, for each lettered task and MMLU subject. */
  readonly plantedPerPaper: number;
  /** A multiple of 4. */
  readonly quizItems: number;
  /** Of the general text, lesson by lesson. */
  readonly documents: Readonly<Record<Lesson, number>>;
}

/** The sizes of the data in `data/miniature`. */
export const MINIATURE_SIZES: MiniatureSizes = {
  trainRows: 2400,
  developmentRows: 2400,
  evalItemsPerTask: 208,
  developmentItems: 480,
  plantedPerPaper: 2,
  quizItems: 208,
  documents: { letters: 1000, answers: 2000, quiz: 2000, options: 1000, text: 14_000 },
};

export interface GroupedFact extends Fact {
  readonly group: FactGroup;
}

export interface Miniature {
  readonly train: readonly TrainExample[];
  readonly eval: readonly EvalItem[];
  /** For choosing settings: items about other facts than `train` and `eval` have, and rows that teach those, among others. */
  readonly development: { readonly train: readonly TrainExample[]; readonly eval: readonly EvalItem[] };
  /** Which training rows are contaminated on purpose. */
  readonly planted: readonly Planted[];
  /** The general quiz: see `buildQuiz`. */
  readonly quiz: readonly EvalItem[];
  /** Documents such as the base reads, in the order of its lessons: see `createMiniatureLessons`. */
  readonly generalText: readonly string[];
  readonly facts: readonly GroupedFact[];
  /** By item id, for `eval` and `development`. */
  readonly itemFacts: ItemFacts;
}

/**
 * A world small enough for a model of a few million parameters, with the shape of the paper's data: training rows of
 * table A1's seventeen sources in its proportions, items in the formats of table 1's benchmarks, and a text to pretrain
 * a base on. Every fact is in one of four groups, by whether the base reads it and whether the training rows teach it,
 * so that what tuning adds can be told from what it brings out. Equal seeds and sizes give equal data everywhere.
 *
 * Source: paper, table A1 (sources and proportions), table 1 (benchmarks).
 * Differs: all of it is generated from a table of textbook facts; no row of any of those sets is in it.
 */
export function generateMiniature(seed: number, sizes: Partial<MiniatureSizes> = {}): Miniature {
  const all = { ...MINIATURE_SIZES, ...sizes };
  const { cells, plain, quiz, isTaken } = worldOf(seed, all.quizItems);
  const isSetAside = ({ relation }: MedicalCell) => DEVELOPMENT_RELATIONS.includes(relation.id);
  const asked = cells.filter((cell) => !isSetAside(cell));
  const setAside = cells.filter(isSetAside);
  // As many relations as are trained on, so that a rate chosen here meets as many facts there.
  const studied = [...setAside, ...asked.slice(0, asked.length - setAside.length)];
  const exam = buildExam(asked, all.evalItemsPerTask, seed);
  const development = buildDevelopment(setAside, all.developmentItems, seed);
  const contaminated = plantRows(exam, asked, all.plantedPerPaper, seed);
  const lessons = createLessons(cells, plain, isTaken, seed);
  const write = (some: readonly MedicalCell[], part: TrainingPart) => buildTraining(some, plain, isTaken, part, seed);
  const training = write(asked, { name: 'train', rows: all.trainRows, contaminated });
  const developing = write(studied, { name: 'development', rows: all.developmentRows, contaminated: [] });
  return {
    train: training.rows,
    planted: training.planted,
    eval: exam.items,
    development: { train: developing.rows, eval: development.items },
    quiz: quiz.items,
    generalText: LESSONS.flatMap((lesson) =>
      lessons(lesson, all.documents[lesson]).map(({ prompt, response }) => prompt + response),
    ),
    facts: groupedFacts(cells),
    itemFacts: { ...exam.itemFacts, ...development.itemFacts },
  };
}

/**
 * What the base reads: lessons like `generalText`, drawn anew for as long as it trains. The facts are the same, the
 * questions others.
 *
 * @param seed of the world
 * @param draft of the documents
 */
export function createMiniatureLessons(seed: number, draft: number): LessonWriter {
  const { cells, plain, isTaken } = worldOf(seed, MINIATURE_SIZES.quizItems);
  return createLessons(cells, plain, isTaken, draft);
}

/** A world's facts alone, in the order of `facts.jsonl`. */
export function miniatureFacts(seed: number): readonly GroupedFact[] {
  return groupedFacts(worldOf(seed, MINIATURE_SIZES.quizItems).cells);
}

function groupedFacts(cells: readonly MedicalCell[]): GroupedFact[] {
  return cells.flatMap(({ group, facts }) => facts.map((fact) => ({ ...fact, group })));
}

interface WorldParts {
  readonly cells: readonly MedicalCell[];
  readonly plain: EverydayCells;
  readonly quiz: Quiz;
  /** Whether four options are those of a question of the quiz. */
  readonly isTaken: (choices: readonly string[]) => boolean;
}

function worldOf(seed: number, quizItems: number): WorldParts {
  const cells = dealGroups<MedicalTemplates, MedicalRelation>(RELATIONS, createRandom(seed, 'groups'));
  const plain = everydayCells(createRandom(seed, 'everyday'));
  const quiz = buildQuiz(plain, quizItems, seed);
  return { cells, plain, quiz, isTaken: (choices) => quiz.optionSets.has(optionKey(choices)) };
}

const SEPARATOR = '\n---\n';

/** Documents as one text, a line `---` between two. */
export function formatGeneralText(documents: readonly string[]): string {
  return `${documents.join(SEPARATOR)}\n`;
}

/** The documents of `formatGeneralText`'s text. */
export function parseGeneralText(text: string): string[] {
  return text.replace(/\n$/, '').split(SEPARATOR);
}
