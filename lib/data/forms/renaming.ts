import { distance } from 'fastest-levenshtein';
import { LETTER_COLUMNS } from './choices';
import { listed } from './fields';
import { ENDINGS, ITEM_FORMS } from './items';
import { TRAINING_FORMS } from './training';

/** What a file calls a field, by the field's own name: {prompt: 'Question'}. */
export type Renaming = Readonly<Record<string, string>>;

/** Fields that a form reads where they are there, beside those without which a row is not of the form. */
const BESIDE = [
  ...[
    'id',
    'source',
    'system',
    'system_prompt',
    'input',
    'history',
    'definition',
    'context',
    'task',
    'subject',
    'image',
  ],
  ...['answer_idx', 'answer_index', 'answerKey', 'correct', 'gold', 'pubid', 'QUESTION', 'CONTEXTS', 'meta_info'],
  ...[...ENDINGS, ...LETTER_COLUMNS, 'opb', 'opc', 'opd', 'name', 'year', 'category', 'qid'],
];

/** What may stand on the left of `--fields`. */
export const FIELD_NAMES: readonly string[] = [
  ...new Set([...TRAINING_FORMS, ...ITEM_FORMS].flatMap(({ needs }) => needs)),
  ...BESIDE,
].filter((name, i, all) => all.indexOf(name) === i);

/** @throws naming the name that no form reads */
export function checkRenaming(renaming: Renaming = {}): void {
  const unknown = Object.keys(renaming).find((name) => !FIELD_NAMES.includes(name));
  if (unknown === undefined) return;
  const [near] = [...FIELD_NAMES].sort((a, b) => distance(a, unknown) - distance(b, unknown));
  throw new Error(
    `fields: "${unknown}=${renaming[unknown]}": no form of rows has a field "${unknown}", did you mean "${near}"; the name of ` +
      `the workbook stands on the left, the file's on the right, as in prompt=Question,response=Answer`,
  );
}

/** Of the files read: what they call their fields, and which renamed ones they have. */
export class SeenNames {
  readonly #names = new Set<string>();
  readonly #found = new Set<string>();

  add(names: readonly string[], found: readonly string[]): void {
    for (const name of names) this.#names.add(name);
    for (const name of found) this.#found.add(name);
  }

  /** @throws when no row has a field that `renaming` names */
  check(renaming: Renaming = {}): void {
    const lacking = Object.values(renaming).filter((name) => !this.#found.has(name));
    if (lacking.length === 0) return;
    const names = [...this.#names];
    throw new Error(
      `fields: no row has ${lacking.map((name) => `"${name}"`).join(', ')}; the fields are ${listed(names)}: correct --fields ` +
        '(or "fields" in the settings), or leave the pair out',
    );
  }
}
