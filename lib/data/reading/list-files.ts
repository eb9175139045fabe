import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The two halves of a data folder. */
export type Half = 'eval' | 'train';

/** A file beside the data that is not read. */
export interface UnreadFile {
  /** Inside the data folder, with forward slashes. */
  readonly path: string;
  readonly why: string;
}

export interface FileList {
  /** Files of rows that lie elsewhere in the folder, where this half has none: 'train.jsonl', 'data/train.parquet'. */
  readonly elsewhere: readonly string[];
  /** Names inside the half's folder, in code-unit order; empty when the half is not there. */
  readonly names: readonly string[];
  readonly unread: readonly UnreadFile[];
}

/** For messages: what is read. */
export const READ_ENDINGS = '.jsonl, .ndjson, .json, .csv, .tsv, .parquet, and .gz or .zst of the first five';

const ROWS = /\.(?:(?:jsonl|ndjson|json|csv|tsv)(?:\.(?:gz|zst))?|parquet)$/i;
/** What the `datasets` library writes beside rows: it says something of them, and holds none. */
const BESIDE = new Set(['dataset_info.json', 'dataset_infos.json', 'dataset_dict.json', 'state.json']);
const ARROW = /\.(?:arrow|feather|ipc)$/i;

/** What an editor or a file manager leaves beside the file that it copied. */
const COPY = /-checkpoint\.\w+(?:\.\w+)?$/;

/**
 * The data files of one half, and what lies beside them: hidden files (macOS leaves `._x.jsonl` on other file systems),
 * Jupyter's checkpoints, files of other kinds, subfolders.
 *
 * @throws when the folder is missing, or a file lies there in two forms whose rows would count twice
 */
export async function listFiles(folder: string, half: Half): Promise<FileList> {
  const read = async (path: string): Promise<Dirent[] | undefined> => {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  };
  if ((await read(folder)) === undefined) {
    const isFile = await stat(folder).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isFile) {
      throw new Error(
        `examples: ${folder} is a file; give the folder FOLDER that holds it as FOLDER/${half}/${basename(folder)}`,
      );
    }
    throw new Error(
      `examples: no folder ${folder}; pass a folder that holds eval/ and train/ with files of rows (${READ_ENDINGS})`,
    );
  }
  const entries = ((await read(join(folder, half))) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  const why = (entry: Dirent): string | undefined => {
    if (entry.name.startsWith('.')) return 'hidden';
    if (entry.isDirectory()) return 'a folder';
    if (COPY.test(entry.name)) return 'a copy that Jupyter made';
    if (BESIDE.has(entry.name)) return 'what the datasets library says of its rows';
    if (ARROW.test(entry.name)) return 'an Arrow file; write it as Parquet, with Dataset.to_parquet or pyarrow';
    return ROWS.test(entry.name) ? undefined : 'not a file of rows by its ending';
  };
  const names: string[] = [];
  const unread: UnreadFile[] = [];
  for (const entry of entries) {
    const reason = why(entry);
    if (reason === undefined) names.push(entry.name);
    else unread.push({ path: `${half}/${entry.name}`, why: reason });
  }
  for (const name of names) {
    const twin = ['gz', 'zst'].map((ending) => `${name}.${ending}`).find((packed) => names.includes(packed));
    if (twin !== undefined) throw new Error(`examples: both ${half}/${name} and ${half}/${twin} are there; keep one`);
  }
  return { names, unread, elsewhere: names.length > 0 ? [] : await filesElsewhere(folder, half) };
}

/** Files of rows beside the half's folder, or in another folder beside it or below it. */
async function filesElsewhere(folder: string, half: Half): Promise<readonly string[]> {
  const below = async (path: string): Promise<Dirent[]> =>
    (await readdir(join(folder, path), { withFileTypes: true }).catch(() => [])).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  const isRows = ({ name }: Dirent) => ROWS.test(name) && !name.startsWith('.') && !BESIDE.has(name);
  const found: string[] = [];
  for (const at of ['', half]) {
    const entries = await below(at);
    if (at === '') found.push(...entries.filter((entry) => entry.isFile() && isRows(entry)).map(({ name }) => name));
    for (const one of entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))) {
      if (at === '' && ['train', 'eval'].includes(one.name)) continue;
      const inside = [...(at === '' ? [] : [at]), one.name].join('/');
      found.push(...(await below(inside)).filter(isRows).map(({ name }) => `${inside}/${name}`));
    }
  }
  return found;
}
