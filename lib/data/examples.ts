import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { TEMPLATE_TAGS, takeOffEndMarkers } from './end-markers';
import { type Fields, fieldsOf, RowError } from './forms/fields';
import { readItem } from './forms/items';
import { checkRenaming, type Renaming, SeenNames } from './forms/renaming';
import { readExample } from './forms/training';
import { type Half, listFiles, READ_ENDINGS, type UnreadFile } from './reading/list-files';
import { openRecords } from './reading/records';
import type { EvalItem, RowPlace, TrainExample } from './rows';

export type { EvalItem, Exchange, TrainExample } from './rows';

/** What one file gave, for the manifest. */
export interface LoadedFile {
  /** Inside the data folder, with forward slashes: `train/medquad.jsonl.gz`. */
  readonly path: string;
  /** Rows kept. */
  readonly rows: number;
  /** Of the file's bytes as they lie on disk. */
  readonly sha256: string;
  /** 'JSON Lines', 'Parquet' and so on. */
  readonly format: string;
  /** Rows kept of each form: 'messages (role, content)'. */
  readonly forms: Readonly<Record<string, number>>;
}

export interface ReadOptions {
  /** What the files call a field, by the field's own name: {prompt: 'Question'}. */
  readonly fields?: Renaming;
  /** `skip` leaves bad rows out and counts them by reason. Default `error`: the first one throws. */
  readonly badRows?: 'error' | 'skip';
  /** Told now and then how far the reading is, in rows of a file. */
  readonly onRows?: (file: string, rows: number) => void;
}

/** Rows between two calls of `onRows`. */
const ROWS_A_CALL = 2000;

/** What was read of one half, and what was not. */
export interface Reading {
  readonly files: readonly LoadedFile[];
  readonly unread: readonly UnreadFile[];
  /** What is to be said of files: where name and content differ. */
  readonly notes: readonly string[];
  /** Rows left out by `badRows: 'skip'`, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Rows kept in which a field held something that the row's form does not read, by field. */
  readonly unused: Readonly<Record<string, number>>;
}

export interface EvalOptions extends ReadOptions {
  /** `exclude` leaves out, and counts, the items with an `image`. Default `keep`. */
  readonly images?: 'keep' | 'exclude';
}

export interface EvalSet extends Reading {
  readonly items: readonly EvalItem[];
  /** Items that have an image, whether they were kept or not. */
  readonly withImage: number;
  /** Items left out by `images: 'exclude'`. */
  readonly excluded: number;
}

export interface TrainSet extends Reading {
  readonly examples: readonly TrainExample[];
  /** Responses that ended with an end marker of another trainer, which was taken off; by marker. */
  readonly endMarkers: Readonly<Record<string, number>>;
  /** Prompts that bring a chat template's tag, by tag: they will be put into a template again. */
  readonly templateTags: Readonly<Record<string, number>>;
}

export interface Dataset {
  readonly evaluation: EvalSet;
  readonly training: TrainSet;
}

/**
 * Both halves of a data folder, `eval/` and `train/`, in any form that `forms/` knows.
 * The first bad row throws: no row is repaired or dropped unless an option says so, and then it is counted.
 *
 * @throws when the folder is missing, has only one half, or a row is invalid
 */
export async function loadDataset(folder: string, options: EvalOptions = {}): Promise<Dataset> {
  const [evalFiles, trainFiles] = [await listFiles(folder, 'eval'), await listFiles(folder, 'train')];
  const [items, rows] = [evalFiles.names.length, trainFiles.names.length];
  const missing = items === 0 ? 'eval' : rows === 0 ? 'train' : undefined;
  if (missing !== undefined && items + rows > 0) {
    const present = missing === 'eval' ? 'train' : 'eval';
    throw new Error(
      `examples: ${folder} holds ${present}/ but no file of rows in ${missing}/ (${READ_ENDINGS}); add the ${missing} ` +
        `files, or load the one half with ${present === 'eval' ? 'loadEvalItems' : 'loadTrainExamples'}`,
    );
  }
  const seen = new SeenNames();
  const evaluation = await readItems(folder, options, seen);
  const training = await readExamples(folder, options, seen);
  seen.check(options.fields);
  return { evaluation, training };
}

/**
 * The evaluation items of `<folder>/eval/`, files in name order, rows in file order.
 * Items with an `image` are kept, with the field as their flag, unless `images` says otherwise.
 *
 * @throws on a missing folder, an invalid row, or an id that two items share
 * Source: paper, Model evaluation: 'all questions containing images were excluded'.
 * Differs: table A2's 2,742 HeadQA items include 67 with an image, so keeping is what gives the paper's counts.
 */
export async function loadEvalItems(folder: string, options: EvalOptions = {}): Promise<EvalSet> {
  const seen = new SeenNames();
  const set = await readItems(folder, options, seen);
  seen.check(options.fields);
  return set;
}

async function readItems(
  folder: string,
  { images = 'keep', ...options }: EvalOptions,
  names: SeenNames,
): Promise<EvalSet> {
  const items: EvalItem[] = [];
  const seen = new Map<string, RowPlace>();
  let withImage = 0;
  let excluded = 0;
  const reading = await readHalf(folder, 'eval', options, names, (row, before) => {
    const { item, form } = readItem(row, before);
    const { file, at } = row.place;
    const first = seen.get(item.id);
    if (first) {
      throw new RowError(
        `examples: ${file} ${at} (id "${item.id}"): "id" must be unique among evaluation items, ` +
          `got the id of ${first.file} ${first.at}; rename or delete one`,
        '"id" must be unique among evaluation items',
      );
    }
    seen.set(item.id, row.place);
    if (item.image !== undefined) {
      withImage++;
      if (images === 'exclude') {
        excluded++;
        return undefined;
      }
    }
    items.push(item);
    return form;
  });
  return { ...reading, items, withImage, excluded };
}

/**
 * The training examples of `<folder>/train/`, files in name order, rows in file order. End markers of other trainers
 * are taken off the responses, and counted: learning to write them would be learning a file format.
 *
 * @throws on a missing folder or an invalid row
 */
export async function loadTrainExamples(folder: string, options: ReadOptions = {}): Promise<TrainSet> {
  const seen = new SeenNames();
  const set = await readExamples(folder, options, seen);
  seen.check(options.fields);
  return set;
}

async function readExamples(folder: string, options: ReadOptions, names: SeenNames): Promise<TrainSet> {
  const examples: TrainExample[] = [];
  const endMarkers: Record<string, number> = {};
  const templateTags: Record<string, number> = {};
  const count = (counts: Record<string, number>, name: string | undefined) => {
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  };
  const reading = await readHalf(folder, 'train', options, names, (row, before) => {
    const { example, form } = readExample(row, before);
    const { text, markers } = takeOffEndMarkers(example.response);
    if (markers.length > 0 && text.trim() === '') {
      throw row.refuse('response', `more than the end marker ${JSON.stringify(markers.join(''))}`, example.response);
    }
    const history = example.history?.map((exchange) => {
      const earlier = takeOffEndMarkers(exchange.response);
      count(endMarkers, earlier.markers.at(-1));
      return { ...exchange, response: earlier.text };
    });
    count(endMarkers, markers.at(-1));
    count(
      templateTags,
      TEMPLATE_TAGS.find((tag) => [...(example.history ?? []), example].some(({ prompt }) => prompt.includes(tag))),
    );
    examples.push({ ...example, ...(history ? { history } : {}), response: text });
    return form;
  });
  return { ...reading, examples, endMarkers, templateTags };
}

/** @param keep takes a row and the form of the one before it, and gives the name of its form, or undefined for one that is not kept */
async function readHalf(
  folder: string,
  half: Half,
  { fields, badRows = 'error', onRows }: ReadOptions,
  names: SeenNames,
  keep: (row: Fields, before: string | undefined) => string | undefined,
): Promise<Reading> {
  checkRenaming(fields);
  const { names: inHalf, unread } = await listFiles(folder, half);
  if (inHalf.length === 0) {
    const others = unread.map(({ path, why }) => `${path} (${why})`).join(', ');
    throw new Error(
      `examples: no file of rows in ${join(folder, half)} (${READ_ENDINGS})${others && `, only ${others}`}; ` +
        'pass a folder that holds eval/ and train/ with such files',
    );
  }
  const files: LoadedFile[] = [];
  const notes: string[] = [];
  const skipped: Record<string, number> = {};
  const unused: Record<string, number> = {};
  for (const name of inHalf) {
    const path = `${half}/${name}`;
    const hash = createHash('sha256');
    const opened = await openRecords(join(folder, half, name), path, hash);
    if (opened.note !== undefined) notes.push(opened.note);
    const forms: Record<string, number> = {};
    let before: string | undefined;
    let rows = 0;
    let place = 0;
    for await (const raw of opened.rows) {
      place++;
      if (place % ROWS_A_CALL === 0) onRows?.(path, place);
      try {
        const row = fieldsOf(raw, fields);
        const { found } = row.renamed;
        names.add(row.theirNames, found);
        const form = keep(row, before);
        if (form === undefined) continue;
        rows++;
        before = form;
        const said = found.length > 0 ? `${form} (by --fields)` : form;
        forms[said] = (forms[said] ?? 0) + 1;
        for (const field of row.unread()) unused[field] = (unused[field] ?? 0) + 1;
      } catch (error) {
        if (!(error instanceof RowError) || badRows === 'error') throw error;
        skipped[error.reason] = (skipped[error.reason] ?? 0) + 1;
      }
    }
    if (place === 0) throw new Error(`examples: ${path} has no rows; fill the file or delete it`);
    files.push({ path, rows, sha256: hash.digest('hex'), format: opened.format, forms });
  }
  return { files, unread, notes, skipped, unused };
}
