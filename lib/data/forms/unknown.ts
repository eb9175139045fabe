import { type Fields, listed, misspelt, RowError } from './fields';

/** A form, as errors tell of it. */
interface ToldForm {
  readonly name: string;
  /** For the list of forms. */
  readonly wanted: string;
  /** Fields without which a row is not of this form. */
  readonly needs: readonly string[];
}

/**
 * The error for a row that has no known form.
 *
 * @param before the form of the rows before it in its file
 * @param pairs what `--fields` would say if the row's own fields were meant: 'prompt=frage,response=antwort'
 */
export function unknownForm(
  row: Fields,
  what: string,
  forms: readonly ToldForm[],
  before: ToldForm | undefined,
  pairs: string | undefined,
): RowError {
  const { file, at } = row.place;
  const called = row.names.map((name) => (row.has(name) ? name : `${name} (which is empty)`));
  const fields = called.length > 0 ? `the fields ${listed(called)}` : 'no field';
  const reason = `no known form of ${what}: ${fields}`;
  const missing = before?.needs.filter((field) => !row.has(field)) ?? [];
  if (before && missing.length > 0) {
    const likes = missing.flatMap((field) => misspelt(field, row.names) ?? []);
    const hint = likes.length > 0 ? `; it has ${quoted(likes)}: misspelt?` : `; it has ${fields}.`;
    return new RowError(
      `examples: ${file} ${at}: no ${quoted(missing)} (the rows before it are of the form ${before.name})${hint} ` +
        'Fix the row, or leave such rows out with --skip-bad-rows',
      reason,
    );
  }
  const { lacking } = row.renamed;
  const wrong =
    lacking.length > 0 ? ` It has no ${quoted(lacking)}, which --fields (or "fields" in the settings) names.` : '';
  const rename = pairs === undefined ? '--fields' : `\`--fields ${pairs}\``;
  const first = /\.[ct]sv(\.\w+)?$/i.test(file) ? ' (as its first line names them)' : '';
  const lists = row.names.filter((name) => holdsObjects(row.peek(name)));
  const inside = lists.sort((a, b) => lengthOf(row.peek(b)) - lengthOf(row.peek(a)))[0];
  if (inside !== undefined && !lists.some((name) => holdsTurns(row.peek(name)))) {
    return new RowError(
      `examples: ${file} ${at}: the field "${inside}" holds a list of objects: if these are the rows, write each on a line ` +
        `of its own (jq -c '.${inside}[]' FILE), or the list alone as the file`,
      reason,
    );
  }
  const within = rowsWithin(row);
  if (within !== undefined) {
    return new RowError(
      `examples: ${file} ${at}: no form of ${what} has ${fields}. ${within.holds}: write each row on a line of its own ` +
        `(jq -c '${within.path}' FILE)`,
      reason,
    );
  }
  const wanted = [...new Set(forms.map((form) => `  ${form.wanted}`))].join('\n');
  return new RowError(
    `examples: ${file} ${at}: no form of ${what} has ${fields}${first}.${wrong} Known forms:\n${wanted}\n` +
      `Write the rows in one of them, or say what the file calls the fields: ${rename}, or "fields" in a settings file`,
    reason,
  );
}

/** Rows under their ids, as PubMedQA's authors have them, or one in a field, as the Hub's viewer gives it. */
function rowsWithin(row: Fields): { readonly holds: string; readonly path: string } | undefined {
  const like = row.names.filter((name) => {
    const value = row.peek(name);
    if (!isObject(value)) return false;
    const inner = Object.values(value);
    return inner.filter((one) => typeof one === 'string').length > 1 || inner.some(holdsTurns);
  });
  if (like.length > 0 && like.length === row.names.length) return { holds: 'Each field holds a row', path: '.[]' };
  const [name] = like;
  return like.length === 1 ? { holds: `The field "${name}" holds a row`, path: `.${name}` } : undefined;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a value is a list of objects: turns, or rows. */
export const holdsObjects = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isObject);

const lengthOf = (value: unknown): number => (value as readonly unknown[]).length;

const holdsTurns = (value: unknown): boolean =>
  holdsObjects(value) && (value as readonly object[]).every((one) => 'role' in one || 'from' in one);

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

/**
 * What `--fields` would say of a training row: a list of turns; or, of its texts, the first that is called like an answer,
 * and the first of the others that is called like a question.
 */
export function pairsToSay(row: Fields): string | undefined {
  const turns = row.names.find((name) => holdsTurns(row.peek(name)));
  if (turns !== undefined) return `messages=${turns}`;
  const texts = row.names.filter((name) => !['id', 'source'].includes(name) && row.hasText(name));
  const answers = texts.filter((name) => ANSWERS.test(name));
  const response = answers[0] ?? (texts.length === 2 ? texts[1] : undefined);
  const others = texts.filter((name) => name !== response);
  const prompt = others.find((name) => PROMPTS.test(name)) ?? (others.length === 1 ? others[0] : undefined);
  return prompt === undefined || response === undefined ? undefined : `prompt=${prompt},response=${response}`;
}

const ANSWERS = /answer|response|reply|output|completion|solution|target|assistant|summary/i;
const PROMPTS = /prompt|question|instruction|query|input|problem|user|human/i;

/** Rows of DPO and its kin: what a training on responses would read of them. */
export function preference(row: Fields): RowError {
  const { file, at } = row.place;
  const alone = Array.isArray(row.peek('chosen')) ? 'messages=chosen' : 'text=chosen';
  const asked = ['prompt', 'question', 'instruction'].find((name) => row.has(name));
  const pair = asked === undefined ? alone : 'response=chosen';
  return new RowError(
    `examples: ${file} ${at}: "chosen" and "rejected" are two answers to choose from, of which this training would learn ` +
      `one: use \`--fields ${pair}\` to learn the chosen one, or "fields" in a settings file`,
    'two answers to choose from',
  );
}
