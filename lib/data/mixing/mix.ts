import { copyFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { version as duckdbVersion } from '@duckdb/node-api';
import { leftOverOf, makeFolder, writeFileAtomic } from '../../files';
import { hashFiles } from '../../hash';
import { isFolderLock } from '../../lock';
import { SUBSETS } from '../../paper/table-a1';
import { requireSeed } from '../../random';
import { type ReadOptions, readTrainExamples } from '../examples';
import { type MixtureReport, type MixtureShareRule, reportMixture } from '../mixture-plan';
import { listFiles } from '../reading/list-files';
import type { TrainExample } from '../rows';
import { mapSource } from '../sources/names';
import { standInsOf } from '../stand-ins';
import { datasetCard } from './card';
import { cleanExample } from './clean';
import { drawRows } from './draw';
import {
  CARD_FILE,
  type Deficit,
  MIXED_VERSION,
  MIXTURE_FILE,
  MIXTURE_ROWS,
  type MixedFolder,
  type SourceCleaning,
} from './mixed-folder';
import { openStore } from './store';

/** In the folder, while rows are mixed. */
const WORK_FOLDER = '.mixing';

export interface MixOptions {
  /** Default `paper`. */
  readonly shares?: MixtureShareRule;
  /** Default: table A1's own counts as far as rows reach; for other shares all rows, or the most at which none is short. */
  readonly total?: number;
  /** Draws all rows where there are fewer than `total`. Default: that is an error. */
  readonly fewer?: boolean;
  /** Of the draw and of the order. */
  readonly seed: number;
  /** Of DuckDB; default 2. */
  readonly threads?: number;
  /** Of DuckDB, in MiB; default 1024. */
  readonly memory?: number;
  readonly rows?: ReadOptions;
  /** Told what goes on, in words. */
  readonly onStage?: (stage: string) => void;
}

/**
 * Mixes the training rows of `<from>/train/` into a folder of their own: rows are read one after the other, mended
 * (`clean.ts`), freed of duplicates and drawn by `planMixture`'s rule in a database on the disk (`draw.ts`), however many
 * there are. Beside them lie the evaluation items of `<from>/eval/` as they are, `mixture.json` and a dataset card.
 *
 * How this and `mixByPaper` are one: both draw by `planMixture`, and report the same. They differ in what deals the
 * rows. A run draws from a prepared folder, whose files and order are part of what it is, by the seeded generator. Here
 * rows come from many downloads in any order, and a hash of each row's content deals them; a run on the folder made
 * takes it as it is.
 *
 * @throws on a folder that holds something else, an invalid row, or a total or a seed out of range
 * Source: paper, appendix A.3 and table A1.
 */
export async function mixFolder(from: string, out: string, options: MixOptions): Promise<MixedFolder> {
  const { shares = 'paper', seed, threads = 2, memory = 1024, rows, onStage } = options;
  requireSeed(seed, (must) => new Error(`mixture: seed ${must}`));
  if (resolve(from) === resolve(out)) {
    throw new Error(`mixture: ${out} is where the rows lie, and would be overwritten; choose another --out`);
  }
  await refuseOther(out);
  await makeFolder(join(out, 'train'));
  const store = await openStore(join(out, '.mixing'), shares, { threads, memory });
  try {
    const counts = new Map<string, Counts>();
    let blank = 0;
    onStage?.('reading and mending');
    const take = (given: TrainExample) => {
      const { example, mended } = cleanExample(given);
      const count = counts.get(given.source) ?? { read: 0, empty: 0, html: 0, mojibake: 0 };
      counts.set(given.source, count);
      count.read++;
      for (const kind of mended) count[kind]++;
      if (example) store.append(example);
      else count.empty++;
    };
    const onBlank = () => {
      blank++;
    };
    const reading = await readTrainExamples(from, take, { ...rows, onBlank });
    store.filled();
    onStage?.('drawing');
    const drawn = await drawRows(store.connection, { ...options, shares }, join(out, MIXTURE_ROWS));
    const rowsSha256 = await hashFiles([join(out, MIXTURE_ROWS)]);
    const standInRows = (key: string) =>
      [...drawn.written].reduce((sum, [source, count]) => {
        const { subset, standIn } = mapSource(source);
        return subset === key && standIn ? sum + count : sum;
      }, 0);
    const report = reportMixture(shares, drawn.plan, standInRows);
    const mixed: MixedFolder = {
      version: MIXED_VERSION,
      seed,
      report,
      deficits: shares === 'paper' ? deficitsOf(report) : [],
      standIns: standInsOf(drawn.written),
      blank,
      sources: [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([source, count]) => ({
          source,
          ...count,
          duplicates: drawn.duplicates.get(source) ?? 0,
          written: drawn.written.get(source) ?? 0,
        })),
      contentMd5: drawn.contentMd5,
      rowsSha256,
      files: reading.files,
      endMarkers: reading.endMarkers,
      skipped: reading.skipped,
      madeWith: { duckdb: duckdbVersion() },
    };
    await copyItems(from, out);
    await writeFileAtomic(join(out, CARD_FILE), datasetCard(mixed));
    await writeFileAtomic(join(out, MIXTURE_FILE), `${JSON.stringify(mixed, null, 2)}\n`);
    return mixed;
  } catch (error) {
    throw noRoomIn(out, error as Error);
  } finally {
    await store.close();
  }
}

/** The database tells of a full disk in words alone. */
function noRoomIn(out: string, error: Error): Error {
  const [why] = /No space left on device|Disk quota exceeded|File too large/i.exec(error.message) ?? [];
  if (why === undefined || error.message.startsWith('files: ')) return error;
  return new Error(
    `mixture: no space for the rows in ${out} (${why}): while they are mixed they take about three times their size; ` +
      'free some, or choose another --out, and run the same command again',
    { cause: error },
  );
}

/** The evaluation items come along as they are, so that a run finds both halves in one folder. */
async function copyItems(from: string, out: string): Promise<void> {
  const { names } = await listFiles(from, 'eval');
  if (names.length > 0) await makeFolder(join(out, 'eval'));
  for (const name of names) await copyFile(join(from, 'eval', name), join(out, 'eval', name));
}

type Counts = { -readonly [Count in 'read' | 'empty' | 'html' | 'mojibake']: SourceCleaning[Count] };

/** @throws when the folder holds something that no mixing wrote */
async function refuseOther(out: string): Promise<void> {
  const names = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new Error(`mixture: ${out} must be a folder (${error.code}); choose another`, { cause: error });
  });
  const own = new Set([WORK_FOLDER, MIXTURE_FILE, CARD_FILE, 'train', 'eval']);
  const other = names.find((name) => !own.has(leftOverOf(name) ?? name) && !isFolderLock(name));
  const rows = (await readdir(join(out, 'train')).catch(() => [])).find(
    (name) => `train/${leftOverOf(name) ?? name}` !== MIXTURE_ROWS,
  );
  if (other === undefined && rows === undefined) return;
  throw new Error(
    `mixture: ${out} must be a new folder, or one that holds a mixture alone, and has ${other ?? `train/${rows}`}; ` +
      'choose another folder',
  );
}

function deficitsOf({ rows }: MixtureReport): Deficit[] {
  return SUBSETS.flatMap(({ key, name, samples }) => {
    const available = rows.find(({ subset }) => subset === key)?.available ?? 0;
    return available < samples
      ? [{ subset: key, name, paperSamples: samples, available, missing: samples - available }]
      : [];
  });
}
