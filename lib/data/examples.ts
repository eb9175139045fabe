import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from './jsonl';
import { type EvalItem, parseEvalItem, parseTrainExample, type RowPlace, type TrainExample } from './rows';

export type { EvalItem, TrainExample } from './rows';

/** What one file gave, for the manifest. */
export interface LoadedFile {
  /** Inside the data folder, with forward slashes: `train/medquad.jsonl.gz`. */
  readonly path: string;
  /** Rows kept. */
  readonly rows: number;
  /** Of the file's bytes as they lie on disk. */
  readonly sha256: string;
}

export interface EvalOptions {
  /** `exclude` leaves out, and counts, the items with an `image`. Default `keep`. */
  readonly images?: 'keep' | 'exclude';
}

export interface EvalSet {
  readonly items: readonly EvalItem[];
  readonly files: readonly LoadedFile[];
  /** Items that have an image, whether they were kept or not. */
  readonly withImage: number;
  /** Items left out by `images: 'exclude'`. */
  readonly excluded: number;
}

export interface TrainSetOptions {
  /** A text that is taken off the end of a response, and counted: some copies of P3 end each with `<|endoftext|>`. */
  readonly endMarker?: string;
}

export interface TrainSet {
  readonly examples: readonly TrainExample[];
  readonly files: readonly LoadedFile[];
  /** Responses that lost an `endMarker`. */
  readonly stripped: number;
}

export interface Dataset {
  readonly evaluation: EvalSet;
  readonly training: TrainSet;
}

/**
 * Both halves of a data folder: `eval/*.jsonl(.gz)` and `train/*.jsonl(.gz)`.
 * The first bad row throws: no row is repaired or dropped unless an option says so, and then it is counted.
 *
 * @throws when the folder is missing, has only one half, or a row is invalid
 */
export async function loadDataset(folder: string, options: EvalOptions & TrainSetOptions = {}): Promise<Dataset> {
  const [evalFiles, trainFiles] = [await list(folder, 'eval'), await list(folder, 'train')];
  const missing = evalFiles.length === 0 ? 'eval' : trainFiles.length === 0 ? 'train' : undefined;
  if (missing !== undefined && evalFiles.length + trainFiles.length > 0) {
    const present = missing === 'eval' ? 'train' : 'eval';
    throw new Error(
      `examples: ${folder} holds ${present}/ but no ${missing}/*.jsonl or .jsonl.gz; add the ${missing} files, ` +
        `or load the one half with ${present === 'eval' ? 'loadEvalItems' : 'loadTrainExamples'}`,
    );
  }
  return { evaluation: await loadEvalItems(folder, options), training: await loadTrainExamples(folder, options) };
}

/**
 * The evaluation items of `<folder>/eval/*.jsonl(.gz)`, files in name order, rows in file order.
 * Items with an `image` are kept, with the field as their flag, unless `images` says otherwise.
 *
 * @throws on a missing folder, an invalid row, or an id that two items share
 * Source: paper, Model evaluation: 'all questions containing images were excluded'.
 * Differs: table A2's 2,742 HeadQA items include 67 with an image, so keeping is what gives the paper's counts.
 */
export async function loadEvalItems(folder: string, { images = 'keep' }: EvalOptions = {}): Promise<EvalSet> {
  const items: EvalItem[] = [];
  const seen = new Map<string, RowPlace>();
  let withImage = 0;
  let excluded = 0;
  const files = await loadFiles(folder, 'eval', (text, place) => {
    const item = parseEvalItem(text, place);
    const first = seen.get(item.id);
    if (first) {
      throw new Error(
        `examples: ${place.file} line ${place.line} (id "${item.id}"): "id" must be unique among evaluation items, ` +
          `got the id of ${first.file} line ${first.line}; rename or delete one`,
      );
    }
    seen.set(item.id, place);
    if (item.image !== undefined) {
      withImage++;
      if (images === 'exclude') {
        excluded++;
        return false;
      }
    }
    items.push(item);
    return true;
  });
  return { items, files, withImage, excluded };
}

/**
 * The training examples of `<folder>/train/*.jsonl(.gz)`, files in name order, rows in file order.
 * @throws on a missing folder or an invalid row
 */
export async function loadTrainExamples(folder: string, { endMarker }: TrainSetOptions = {}): Promise<TrainSet> {
  const examples: TrainExample[] = [];
  let stripped = 0;
  const files = await loadFiles(folder, 'train', (text, place) => {
    const example = parseTrainExample(text, place);
    if (!endMarker || !example.response.endsWith(endMarker)) {
      examples.push(example);
      return true;
    }
    const response = example.response.slice(0, -endMarker.length);
    if (response.trim() === '') {
      throw new Error(
        `examples: ${place.file} line ${place.line} (id "${example.id}"): "response" must hold more than ` +
          `the end marker ${JSON.stringify(endMarker)}; fix or delete the row`,
      );
    }
    stripped++;
    examples.push({ ...example, response });
    return true;
  });
  return { examples, files, stripped };
}

/** @param keep takes a line's text and says whether its row was kept */
async function loadFiles(
  folder: string,
  half: 'eval' | 'train',
  keep: (text: string, place: RowPlace) => boolean,
): Promise<LoadedFile[]> {
  const names = await list(folder, half);
  if (names.length === 0) {
    throw new Error(
      `examples: no *.jsonl or *.jsonl.gz in ${join(folder, half)}; ` +
        'pass a folder that holds eval/ and train/ with such files',
    );
  }
  const files: LoadedFile[] = [];
  for (const name of names) {
    const path = `${half}/${name}`;
    const hash = createHash('sha256');
    let rows = 0;
    let lines = 0;
    for await (const { text, number } of readLines(join(folder, half, name), path, hash)) {
      lines++;
      if (keep(text, { file: path, line: number })) rows++;
    }
    if (lines === 0) throw new Error(`examples: ${path} has no rows; fill the file or delete it`);
    files.push({ path, rows, sha256: hash.digest('hex') });
  }
  return files;
}

/** The half's data files in code-unit order; empty when the half is not there. */
async function list(folder: string, half: string): Promise<string[]> {
  const read = async (path: string): Promise<string[] | undefined> => {
    try {
      return await readdir(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  };
  if ((await read(folder)) === undefined) {
    throw new Error(
      `examples: no folder ${folder}; pass a folder that holds eval/ and train/ with .jsonl or .jsonl.gz files`,
    );
  }
  const names = ((await read(join(folder, half))) ?? []).filter((name) => /\.jsonl(\.gz)?$/.test(name)).sort();
  for (const name of names) {
    if (names.includes(`${name}.gz`)) {
      throw new Error(`examples: both ${half}/${name} and ${half}/${name}.gz are there; keep one`);
    }
  }
  return names;
}
