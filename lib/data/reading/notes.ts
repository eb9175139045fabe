import type { EvalSet, Reading, TrainReading } from '../examples';

/** How many files a note names. */
const NAMED = 5;

/** The workbook's own forms, of which a run's report says nothing. */
const OWN = new Set(['question, choices, answer', 'prompt, response'].map((form) => `${form}, JSON Lines`));

interface Halves {
  readonly evaluation: EvalSet;
  readonly training: TrainReading;
}

/** What a run's report says of a data folder: of the workbook's own forms, only what is amiss. */
export const dataNotes = ({ evaluation, training }: Halves): string[] => [
  ...evaluationNotes(evaluation, OWN),
  ...trainingNotes(training, OWN),
];

/** What a terminal is told of a data folder: the form of every file too. */
export const readingLines = ({ evaluation, training }: Halves): string[] => [
  ...evaluationNotes(evaluation),
  ...trainingNotes(training),
];

/**
 * What is to be said of evaluation items and their files.
 *
 * @param quiet forms of which nothing is said
 */
export function evaluationNotes(set: EvalSet, quiet: ReadonlySet<string> = new Set()): string[] {
  const { withImage, excluded } = set;
  const images =
    excluded > 0
      ? `left out: ${excluded} items with an image`
      : `${withImage} items have an image, which a language model does not see; they are scored`;
  return [...readingNotes(set, quiet), ...(withImage > 0 ? [images] : [])];
}

/** What is to be said of training rows and their files; `quiet` as above. */
export function trainingNotes(set: TrainReading, quiet: ReadonlySet<string> = new Set()): string[] {
  return [
    ...readingNotes(set, quiet),
    ...Object.entries(set.endMarkers).map(
      ([marker, count]) => `taken off: the end marker ${marker} from ${some(count, 'response')}`,
    ),
    ...Object.entries(set.templateTags).map(
      ([tag, count]) =>
        `warning: ${some(count, 'prompt')} with the tag ${tag} of a chat template, to be put into a template again; ` +
        'take the tags out of the rows, or use --template none',
    ),
  ];
}

/** What rows were read as; files, rows and fields that were not read. */
function readingNotes({ files, unread, notes, skipped, unused }: Reading, quiet: ReadonlySet<string>): string[] {
  const forms = new Map<string, { rows: number; readonly files: string[] }>();
  for (const { path, format, forms: own } of files) {
    for (const [form, count] of Object.entries(own)) {
      const name = `${form}, ${format}`;
      if (quiet.has(name)) continue;
      const known = forms.get(name) ?? { rows: 0, files: [] };
      forms.set(name, known);
      known.rows += count;
      known.files.push(path);
    }
  }
  return [
    ...[...forms].map(
      ([form, { rows, files: paths }]) => `read: ${some(rows, 'row')} of the form ${form}: ${list(paths)}`,
    ),
    ...unusedNotes(
      unused,
      files.reduce((sum, { rows }) => sum + rows, 0),
    ),
    ...(unread.length > 0 ? [`not read: ${list(unread.map(({ path, why }) => `${path} (${why})`))}`] : []),
    ...notes,
    ...Object.entries(skipped).map(([reason, count]) => `left out: ${some(count, 'row')}: ${reason}`),
  ];
}

/** A field that no form reads is easily a part of the prompt. */
function unusedNotes(unused: Reading['unused'], rows: number): string[] {
  const fields = Object.entries(unused).map(
    ([field, count]) => `"${field}" (in ${some(count, 'row')} of ${rows.toLocaleString('en')})`,
  );
  return fields.length > 0 ? [`not used: the field${fields.length === 1 ? '' : 's'} ${list(fields)}`] : [];
}

const some = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

function list(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(', ')} and ${more} more` : names.join(', ');
}
