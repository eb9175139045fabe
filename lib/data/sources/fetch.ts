import { hashOf } from '../../hash';
import { homesOf, type Source } from './catalogue/entry';
import { convert, type RawFile } from './convert';
import { type GetOptions, type Located, type LocatedPlace, locate, type Where } from './locate';
import { type FetchedSource, FORM, hashThere, lockOut, readSources, writeSources } from './record';

/** Sources that lie in the same files: they are fetched and read once. */
export interface PlannedGroup {
  readonly sources: readonly Source[];
  readonly places: readonly LocatedPlace[];
  /** Why it cannot be had; then it has no places. */
  readonly refusal: Error | undefined;
  /** Finds their second home, where they have one that was not tried. */
  readonly secondHome?: ((why: Error) => Promise<PlannedGroup>) | undefined;
}

export interface FetchPlan {
  readonly groups: readonly PlannedGroup[];
  /** Bytes of files that are here, and of those that are not; of files whose size is known. */
  readonly bytes: { readonly here: number; readonly missing: number };
}

export interface FetchResult {
  readonly fetched: readonly FetchedSource[];
  readonly refused: readonly { readonly source: Source; readonly error: Error }[];
}

/** Finds all files of some sources, and how large they are. A source that cannot be had does not hinder the others. */
export async function planFetch(sources: readonly Source[], where: Where): Promise<FetchPlan> {
  const known = new Map<string, Promise<LocatedPlace>>();
  const groups: PlannedGroup[] = [];
  const byPlaces = new Map<string, Source[]>();
  for (const source of sources) {
    const key = JSON.stringify(source.unavailable ? source.name : source.places);
    byPlaces.set(key, [...(byPlaces.get(key) ?? []), source]);
  }
  for (const group of byPlaces.values()) {
    const { unavailable, name } = group[0]!;
    if (unavailable) {
      const refusal = new Error(`fetch: ${name} cannot be had: ${unavailable.why}; ${unavailable.standIn}`);
      groups.push({ sources: group, places: [], refusal });
      continue;
    }
    groups.push(await planGroup(group, where, known));
  }
  const files = distinct(groups);
  const sum = (isHere: boolean) =>
    files.reduce((total, file) => total + (file.isHere === isHere ? (file.size ?? 0) : 0), 0);
  return { groups, bytes: { here: sum(true), missing: sum(false) } };
}

/** The files of sources that lie in the same ones: in their first home, or where else they are published. */
async function planGroup(
  sources: readonly Source[],
  where: Where,
  known: Map<string, Promise<LocatedPlace>>,
): Promise<PlannedGroup> {
  const { name, places, elsewhere } = sources[0]!;
  const secondHome =
    elsewhere &&
    (async (why: Error): Promise<PlannedGroup> => {
      const { places: others, open, differs } = elsewhere;
      const there = sources.map(
        ({ elsewhere: _, open: __, ...source }): Source => ({
          ...source,
          ...(open ? { open } : {}),
          places: others,
          differs: [...source.differs, ...differs],
        }),
      );
      const homes = homesOf(others);
      const reason = why.message.replace(/^fetch: /, '');
      const group = await planGroup(there, where, known);
      if (!group.refusal) {
        where.say?.(`${name}: ${reason}; it is taken from ${homes}`);
        return group;
      }
      const also = group.refusal.message.replace(/^fetch: /, '');
      return { ...group, refusal: new Error(`fetch: ${reason}; nor from ${homes}: ${also}`, { cause: why }) };
    });
  try {
    const located: LocatedPlace[] = [];
    for (const place of places) {
      const key = JSON.stringify(place);
      const one = known.get(key) ?? locate(place, where);
      known.set(key, one);
      located.push(await one);
    }
    return { sources, places: located, refusal: undefined, secondHome };
  } catch (error) {
    return secondHome ? secondHome(error as Error) : { sources, places: [], refusal: error as Error };
  }
}

export interface RunOptions extends GetOptions {
  /** Files on their way at once. */
  readonly atOnce: number;
  readonly onRows?: (file: string, rows: number) => void;
  /** Told of each source when its rows are written. */
  readonly onDone?: (source: FetchedSource, isNew: boolean) => void;
}

/**
 * Fetches a plan's files, several at a time, and converts each group's rows into `out` as soon as its files are here.
 * Writes what was done into `sources.json`; rows that the same files gave before are not made again.
 *
 * @param out the data folder, for `reproduce --data`
 */
export async function runFetch(plan: FetchPlan, out: string, options: RunOptions): Promise<FetchResult> {
  const { release } = await lockOut(out, options.say);
  try {
    const getting = startAll(plan, options);
    const fetched: FetchedSource[] = [];
    const refused = plan.groups.flatMap(({ sources, refusal }) =>
      refusal ? sources.map((source) => ({ source, error: refusal })) : [],
    );
    for (const group of plan.groups) {
      if (group.refusal) continue;
      const refuse = (error: unknown) => {
        if (options.signal?.aborted) throw error;
        for (const source of group.sources) refused.push({ source, error: error as Error });
      };
      try {
        const { sources, places, files } = await filesOf(group, getting, options);
        for (const place of places) await place.done();
        for (const source of await rowsOf(sources, places, files, out, options)) fetched.push(source);
      } catch (error) {
        refuse(error);
      }
    }
    return { fetched, refused };
  } finally {
    release();
  }
}

const keyOf = ({ place, path }: Located): string => `${JSON.stringify(place)} ${path}`;
const distinct = (groups: readonly PlannedGroup[]): Located[] => {
  const files = groups.flatMap(({ places }) => places.flatMap((place) => place.files));
  return [...new Map(files.map((file) => [keyOf(file), file])).values()];
};

/** Begins to get each file once, `atOnce` of them at a time, in the plan's order. */
function startAll({ groups }: Pick<FetchPlan, 'groups'>, options: RunOptions): Map<string, Promise<RawFile>> {
  const files = distinct(groups);
  const waiting: (() => void)[] = [];
  let free = options.atOnce;
  const turn = async () => {
    if (free > 0) free--;
    else await new Promise<void>((resume) => waiting.push(resume));
  };
  const next = () => {
    const resume = waiting.shift();
    if (resume) resume();
    else free++;
  };
  return new Map(
    files.map((file) => {
      const got = turn()
        .then(() => file.get(options))
        .finally(next);
      // Whoever needs the file sees its error; until then nobody listens.
      got.catch(() => {});
      return [keyOf(file), got] as const;
    }),
  );
}

/** The files of a group; where they cannot be had after all, those of its second home. */
async function filesOf(
  { sources, places, refusal, secondHome }: PlannedGroup,
  getting: ReadonlyMap<string, Promise<RawFile>>,
  options: RunOptions,
): Promise<Pick<PlannedGroup, 'sources' | 'places'> & { readonly files: readonly RawFile[] }> {
  if (refusal) throw refusal;
  try {
    const files: RawFile[] = [];
    for (const file of places.flatMap((place) => place.files)) files.push(await getting.get(keyOf(file))!);
    return { sources, places, files };
  } catch (error) {
    if (options.signal?.aborted || !secondHome) throw error;
    const group = await secondHome(error as Error);
    return filesOf(group, startAll({ groups: [group] }, options), options);
  }
}

async function rowsOf(
  sources: readonly Source[],
  places: readonly LocatedPlace[],
  files: readonly RawFile[],
  out: string,
  options: RunOptions,
): Promise<FetchedSource[]> {
  const record = await readSources(out);
  const identity = hashOf([
    FORM,
    places.map(({ place, commit, files }) => [place.id, commit, files.map(({ path, size }) => [path, size])]),
  ]);
  const known = sources.map(({ name }) => record[name]);
  const isThere = async (one: FetchedSource | undefined) =>
    one?.identity === identity && one.rowsSha256 !== undefined && (await hashThere(out, one.file)) === one.rowsSha256;
  const there = await Promise.all(known.map(isThere));
  if (there.every(Boolean)) {
    for (const one of known) options.onDone?.(one!, false);
    return known as FetchedSource[];
  }
  const converted = await convert(sources, files, out, {
    ...(options.onRows ? { onRows: options.onRows } : {}),
    signal: options.signal,
  });
  const hashes = await Promise.all(converted.map(({ file }) => hashThere(out, file)));
  const all = converted.map((one, i): FetchedSource => {
    const { title, samples, licence, differs } = sources[i]!;
    return {
      ...one,
      title,
      samples,
      licence,
      places: places.map(({ place, commit, licence: stated }) => ({ id: place.id, commit, licence: stated ?? null })),
      lacking: places.flatMap((place) => place.lacking),
      differs,
      standIn: null,
      identity,
      rowsSha256: hashes[i]!,
    };
  });
  await writeSources(out, { ...record, ...Object.fromEntries(all.map((one) => [one.name, one])) });
  for (const one of all) options.onDone?.(one, true);
  return all;
}
