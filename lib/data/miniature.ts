import { createRandom } from '../random';
import { anatomy } from './miniature/anatomy';
import { biology } from './miniature/biology';
import { clinical } from './miniature/clinical';
import { buildDevelopment, buildExam, type ItemFacts, type MedicalCell } from './miniature/evaluation';
import { buildGeneralText, type GeneralTextSizes } from './miniature/general-text';
import { genetics } from './miniature/genetics';
import { dealGroups, type FactGroup } from './miniature/groups';
import { medicine } from './miniature/medicine';
import { professional } from './miniature/professional';
import type { Fact, MedicalRelation, MedicalTemplates } from './miniature/relation';
import { buildTraining } from './miniature/training';
import type { EvalItem, TrainExample } from './rows';

export type { ItemFacts } from './miniature/evaluation';
export { everyday } from './miniature/everyday';
export { FACT_GROUPS, type FactGroup, inConflict, isRead, isTuned } from './miniature/groups';
export {
  type Fact,
  factsOf,
  type MedicalRelation,
  MMLU_SUBJECTS,
  type MmluSubject,
  mentions,
} from './miniature/relation';
export { rowsPerSource } from './miniature/training';

/** The medical facts of the miniature world, relation by relation. True and plain, in our own words; not for patients. */
export const RELATIONS: readonly MedicalRelation[] = [
  ...anatomy,
  ...clinical,
  ...biology,
  ...medicine,
  ...genetics,
  ...professional,
];

/** The seed of the data in `data/miniature`. */
export const MINIATURE_SEED = 20240117;

export interface MiniatureSizes extends GeneralTextSizes {
  readonly trainRows: number;
  /** For each of the five single tasks, pubmedqa and each MMLU subject; a multiple of 16. */
  readonly evalItemsPerTask: number;
  /** A multiple of 16. */
  readonly developmentItems: number;
}

/** The sizes of the data in `data/miniature`. */
export const MINIATURE_SIZES: MiniatureSizes = {
  trainRows: 700,
  evalItemsPerTask: 48,
  developmentItems: 96,
  quizDocuments: 2400,
  passages: 600,
};

export interface GroupedFact extends Fact {
  readonly group: FactGroup;
}

export interface Miniature {
  readonly train: readonly TrainExample[];
  readonly eval: readonly EvalItem[];
  readonly development: readonly EvalItem[];
  /** Documents of the base's pretraining text. */
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
  const cells: readonly MedicalCell[] = dealGroups<MedicalTemplates, MedicalRelation>(
    RELATIONS,
    createRandom(seed, 'groups'),
  );
  const exam = buildExam(cells, all.evalItemsPerTask, seed);
  const development = buildDevelopment(cells, all.developmentItems, seed);
  return {
    train: buildTraining(cells, all.trainRows, seed),
    eval: exam.items,
    development: development.items,
    generalText: buildGeneralText(cells, all, seed),
    facts: cells.flatMap(({ group, facts }) => facts.map((fact) => ({ ...fact, group }))),
    itemFacts: { ...exam.itemFacts, ...development.itemFacts },
  };
}

/** The items whose question occurs word for word in a training row or in `generalText`: there must be none. */
export function findEvalPhrasing(
  items: readonly EvalItem[],
  train: readonly TrainExample[],
  generalText: readonly string[] = [],
): EvalItem[] {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, ' ')
      .trim();
  const rows = train.map((row) => [row.prompt, row.question ?? '', row.response].join('\n'));
  const texts = ` ${[...rows, ...generalText].map(plain).join(' | ')} `;
  return items.filter((item) => texts.includes(` ${plain(item.question)} `));
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
