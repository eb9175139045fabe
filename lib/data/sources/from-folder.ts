import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { hashOf } from '../../hash';
import { type Fields, fieldsOf, RowError } from '../forms/fields';
import { readItem } from '../forms/items';
import { readExample } from '../forms/training';
import { type Half, listFiles } from '../reading/list-files';
import { openRecords } from '../reading/records';
import { CATALOGUE } from './catalogue/catalogue';
import { rowsFile } from './convert';
import { mapSource } from './names';
import { type FetchedSource, FORM, hashThere, lockOut, readSources, writeSources } from './record';
import { type RowWriter, rowWriter, withFiles } from './rows-file';

/** A row that is already an example or an item, and the source it belongs to. */
interface Taken {
  /** A training row's `source`, an item's benchmark. */
  readonly name: string;
  readonly row: object;
}

export interface TakeOptions {
  readonly say?: (line: string) => void;
  readonly onRows?: (file: string, rows: number) => void;
}

/**
 * Rows of a folder in any form that the workbook reads, put into `out` as fetched sources are, each beside its row of
 * table A1 or A2: what a network gives others, for whoever has it already.
 *
 * @param folder with `train/` and `eval/`, as `reproduce --data` takes it
 * @throws when the folder has no rows
 */
export async function takeFolder(folder: string, out: string, options: TakeOptions = {}): Promise<FetchedSource[]> {
  const { release } = await lockOut(out, options.say);
  try {
    const all = [...(await takeHalf(folder, 'train', out, options)), ...(await takeHalf(folder, 'eval', out, options))];
    if (all.length === 0) throw new Error(`fetch: ${folder} holds no row of table A1 or A2 in train/ and eval/`);
    const record = await readSources(out);
    await writeSources(out, { ...record, ...Object.fromEntries(all.map((one) => [one.name, one])) });
    return all;
  } finally {
    release();
  }
}

async function takeHalf(folder: string, half: Half, out: string, options: TakeOptions): Promise<FetchedSource[]> {
  // Which sources there are is known only when all rows are read: files are opened for the second reading.
  const names = new Set<string>();
  const hashes: string[] = [];
  for await (const { name } of rowsOf(folder, half, {}, (sha256) => hashes.push(sha256))) if (name) names.add(name);
  const order = [...names].sort((a, b) => rank(half, a) - rank(half, b));
  const counts = new Map(order.map((name) => [name, 0]));
  const skipped: Record<string, { count: number; first: string }> = {};
  await withFiles(
    order.map((name) => join(out, rowsFile({ half, name }))),
    async (files) => {
      const writers = new Map(order.map((name, i): [string, RowWriter] => [name, rowWriter(files[i]!)]));
      for await (const { name, row, refused } of rowsOf(folder, half, options)) {
        if (name !== undefined && row !== undefined) {
          await writers.get(name)!.add(row);
          counts.set(name, counts.get(name)! + 1);
        } else if (refused) {
          const known = skipped[refused.reason] ?? { count: 0, first: refused.at };
          skipped[refused.reason] = { ...known, count: known.count + 1 };
        }
      }
      for (const writer of writers.values()) await writer.end();
    },
  );
  for (const [reason, { count, first }] of Object.entries(skipped)) {
    options.say?.(`${half}: ${count} ${count === 1 ? 'row' : 'rows'} skipped: ${reason} (first: ${first})`);
  }
  const written = await Promise.all(order.map((name) => hashThere(out, rowsFile({ half, name }))));
  return order.map((name, i): FetchedSource => {
    const { title, samples, licence, standIn } = ofTable(half, name);
    const rows = counts.get(name)!;
    return {
      name,
      file: rowsFile({ half, name }),
      raw: rows,
      rows,
      leftOut: {},
      skipped: {},
      title,
      samples,
      licence,
      places: [{ id: folder, commit: hashOf(hashes), licence: null }],
      lacking: [],
      differs: [],
      standIn,
      identity: hashOf([FORM, name, hashes]),
      rowsSha256: written[i]!,
    };
  });
}

/** The table's row that a name belongs to. */
function ofTable(half: Half, name: string): Pick<FetchedSource, 'title' | 'samples' | 'licence' | 'standIn'> {
  const { title, samples, licence } = CATALOGUE[rank(half, name)]!;
  const { standIn, note } = half === 'train' ? mapSource(name) : { standIn: false, note: '' };
  return { title, samples, licence, standIn: standIn ? note : null };
}

/** Its place in the catalogue. */
const rank = (half: Half, name: string): number =>
  CATALOGUE.findIndex((one) =>
    half === 'train' ? one.half === 'train' && one.subset === mapSource(name).subset : one.name === name,
  );

interface Read extends Partial<Taken> {
  readonly refused?: { readonly reason: string; readonly at: string };
}

async function* rowsOf(
  folder: string,
  half: Half,
  { onRows }: TakeOptions,
  onHash: (sha256: string) => void = () => {},
): AsyncGenerator<Read> {
  const { names } = await listFiles(folder, half);
  for (const name of names) {
    const path = `${half}/${name}`;
    const hash = createHash('sha256');
    const { rows } = await openRecords(join(folder, half, name), path, hash);
    let count = 0;
    for await (const raw of rows) {
      try {
        yield half === 'train' ? trainingOf(fieldsOf(raw)) : itemOf(fieldsOf(raw));
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
        yield { refused: { reason: error.reason, at: `${raw.place.file} ${raw.place.at}` } };
      }
      count++;
      if (count % 2000 === 0) onRows?.(path, count);
    }
    onHash(hash.digest('hex'));
  }
}

function trainingOf(row: Fields): Taken {
  const { example } = readExample(row);
  try {
    mapSource(example.source);
  } catch (error) {
    throw new RowError((error as Error).message, `"source" must be of table A1, got ${JSON.stringify(example.source)}`);
  }
  return { name: example.source, row: example };
}

function itemOf(row: Fields): Taken {
  const { item } = readItem(row);
  const source = CATALOGUE.find((one) => one.half === 'eval' && one.task === item.task);
  if (source) return { name: source.name, row: item };
  const reason = `"task" must be of table A2, got ${JSON.stringify(item.task)}`;
  throw new RowError(reason, reason);
}
