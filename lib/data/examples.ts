import { TEMPLATE_TAGS, takeOffEndMarkers } from './end-markers';
import { RowError } from './forms/fields';
import { readItem } from './forms/items';
import { SeenNames } from './forms/renaming';
import { readExample } from './forms/training';
import { type Reading, type ReadOptions, readHalf } from './read-half';
import { listFiles, READ_ENDINGS } from './reading/list-files';
import type { EvalItem, RowPlace, TrainExample } from './rows';

export type { LoadedFile, Reading, ReadOptions } from './read-half';
export type { EvalItem, Exchange, TrainExample } from './rows';

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

/** What reading training rows found beside them. */
export interface TrainReading extends Reading {
  /** Responses that ended with an end marker of another trainer, which was taken off; by marker. */
  readonly endMarkers: Readonly<Record<string, number>>;
  /** Prompts that bring a chat template's tag, by tag: they will be put into a template again. */
  readonly templateTags: Readonly<Record<string, number>>;
}

export interface TrainSet extends TrainReading {
  readonly examples: readonly TrainExample[];
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
  const { evaluation, readTraining } = await openDataset(folder, options);
  const examples: TrainExample[] = [];
  const reading = await readTraining((example) => examples.push(example));
  return { evaluation, training: { ...reading, examples } };
}

/** A data folder whose training rows are not read yet. */
export interface OpenDataset {
  readonly evaluation: EvalSet;
  /** As `readTrainExamples`. */
  readonly readTraining: (take: (example: TrainExample) => unknown) => Promise<TrainReading>;
}

/** As `loadDataset`; the training rows are read when they are asked for, and none is kept. */
export async function openDataset(folder: string, options: EvalOptions = {}): Promise<OpenDataset> {
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
  return {
    evaluation: await readItems(folder, options, seen),
    readTraining: async (take) => {
      const training = await readExamples(folder, take, options, seen);
      seen.check(options.fields);
      return training;
    },
  };
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
 * The training examples of `<folder>/train/`, files in name order, rows in file order.
 *
 * @throws on a missing folder or an invalid row
 */
export async function loadTrainExamples(folder: string, options: ReadOptions = {}): Promise<TrainSet> {
  const examples: TrainExample[] = [];
  const reading = await readTrainExamples(folder, (example) => examples.push(example), options);
  return { ...reading, examples };
}

/**
 * Reads the training examples of `<folder>/train/` one after the other, and keeps none. End markers of other trainers
 * are taken off the responses, and counted: learning to write them would be learning a file format.
 *
 * @param take is given each row; a promise it returns is waited for
 * @throws on a missing folder or an invalid row
 */
export async function readTrainExamples(
  folder: string,
  take: (example: TrainExample) => unknown,
  options: ReadOptions = {},
): Promise<TrainReading> {
  const seen = new SeenNames();
  const reading = await readExamples(folder, take, options, seen);
  seen.check(options.fields);
  return reading;
}

async function readExamples(
  folder: string,
  take: (example: TrainExample) => unknown,
  options: ReadOptions,
  names: SeenNames,
): Promise<TrainReading> {
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
    const taken = take({ ...example, ...(history ? { history } : {}), response: text });
    return taken instanceof Promise ? taken.then(() => form) : form;
  });
  return { ...reading, endMarkers, templateTags };
}
