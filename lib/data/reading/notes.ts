import type { Dataset, EvalSet, Reading, TrainReading } from '../examples';

/** How many files a note names. */
const NAMED = 5;

/** The workbook's own forms, of which nothing is said. */
const OWN = new Set(['question, choices, answer', 'prompt, response'].map((form) => `${form}, JSON Lines`));

/** All that is to be said of a data folder. */
export const dataNotes = ({ evaluation, training }: Dataset): string[] => [
  ...evaluationNotes(evaluation),
  ...trainingNotes(training),
];

/** What is to be said of evaluation items and their files. */
export function evaluationNotes(set: EvalSet): string[] {
  const { withImage, excluded } = set;
  const images =
    excluded > 0
      ? `left out: ${excluded} items with an image`
      : `${withImage} items have an image, which a language model does not see; they are scored`;
  return [...readingNotes(set), ...(withImage > 0 ? [images] : [])];
}

/** What is to be said of training rows and their files. */
export function trainingNotes(set: TrainReading): string[] {
  return [
    ...readingNotes(set),
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

/** Forms other than the workbook's own, files and rows that were not read. */
function readingNotes({ files, unread, notes, skipped }: Reading): string[] {
  const forms = new Map<string, { rows: number; readonly files: string[] }>();
  for (const { path, format, forms: own } of files) {
    for (const [form, count] of Object.entries(own)) {
      const name = `${form}, ${format}`;
      if (OWN.has(name)) continue;
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
    ...(unread.length > 0 ? [`not read: ${list(unread.map(({ path, why }) => `${path} (${why})`))}`] : []),
    ...notes,
    ...Object.entries(skipped).map(([reason, count]) => `left out: ${some(count, 'row')}: ${reason}`),
  ];
}

const some = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

function list(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(', ')} and ${more} more` : names.join(', ');
}
