import { join } from 'node:path';
import { type ChatTemplate, requireChatTemplate } from '../data/chat/chat-template';
import { readTrainExamples } from '../data/examples';
import type { MixedFolder } from '../data/mixing/mixed-folder';
import { hashChunks } from '../data/packing/chunks';
import { type PackingOptions, packedChunks, reportPacking } from '../data/packing/packing';
import { hasPiece, openPieces, writePiece } from '../data/packing/token-pieces';
import { listFiles } from '../data/reading/list-files';
import type { TrainExample } from '../data/rows';
import { someLost, tokenizeExamples } from '../data/samples';
import type { TemplateName } from '../data/template';
import { type Tokenizer, tokensBy } from '../data/tokenizer';
import { makeFolder, WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { hashFiles, hashOf } from '../hash';
import { requireFile } from '../json-file';
import { type ChunkFile, openChunkFile, writeChunkFile } from '../train/chunk-file';
import { type ChosenRows, chooseRows, type SetName } from './choose-rows';
import { type PreparedRows, ROW_PACKING, type RunData } from './data-stage';
import type { Sources } from './inputs';
import { lockFolder } from './lock';
import type { RunConfig } from './presets';
import type { OpenProgress, Progress } from './progress';
import { readSealedJson, sealedJson } from './sealed-json';

/** What was tokenized, and what was packed of it; each is written once its files are whole. */
const TOKENS_FILE = 'tokens.json';
const PACKED_FILE = 'packed.json';
const VERSION = 5;

/** Training rows made into chunks of files. */
export interface PreparedFiles extends PreparedRows, Pick<RunData, 'standIns' | 'samples'> {
  readonly chunks: ChunkFile;
  readonly heldOut: ChunkFile;
  /** What `chunks` were packed from, and how. */
  readonly pieces: { readonly folder: string; readonly count: number; readonly packing: PackingOptions };
}

interface TokensFile extends Omit<ChosenRows, 'setOf'> {
  readonly version: number;
  /** How many each set has. */
  readonly pieces: Readonly<Record<SetName, number>>;
}

interface PackedFile extends Pick<PreparedFiles, 'packing' | 'samples'> {
  readonly version: number;
  /** As `hashChunks` has it; that of the others is in `packing`. */
  readonly heldOutSha256: string;
}

const SETS: readonly SetName[] = ['train', 'held-out'];

export interface PrepareOptions {
  readonly config: RunConfig;
  readonly tokenizer: Tokenizer;
  /** T. */
  readonly chunkLength: number;
  readonly progress: OpenProgress;
  /** What is tokenized between two files, and lost by a kill; default 8192. */
  readonly rowsAPiece?: number;
  /** Where prepared files are kept; default `.cache/packed` in the workbook's folder. */
  readonly cache?: string;
}

type TokenizeOptions = Required<Pick<PrepareOptions, 'config' | 'tokenizer' | 'progress' | 'rowsAPiece'>>;

/**
 * What `prepareTraining` does, for the rows of a mixed folder, however many: they are read one after the other, tokenized
 * piece by piece into files, and packed from there into files that training reads chunk by chunk. The chunks are those
 * that `prepareTraining` makes of the same folder. Killed, it goes on after the last whole piece.
 *
 * A folder of its own in the cache holds the files, named by all that the tokens were made from, and in it one for each
 * packing: any run on the same rows with the same settings has them at once.
 */
export async function prepareMixed(
  sources: Sources,
  mixed: MixedFolder,
  options: PrepareOptions,
): Promise<PreparedFiles> {
  const { config, chunkLength, tokenizer, progress, cache = join(WORKBOOK_ROOT, '.cache', 'packed') } = options;
  const { template, mixture: rule, samples, seed, developmentFraction, packing } = config;
  const chat = template === 'model' ? await requireChatTemplate(sources.model) : template;
  const { rowsAPiece = 8192 } = options;
  const written = typeof chat === 'string' ? chat : [chat.source, chat.variables];
  const made = { template: written, rule, samples, seed, developmentFraction };
  const reading = config.rows;
  // Of the files as they lie there: rows that are not mixture.json's are read, and refused.
  const { names } = await listFiles(sources.data, 'train');
  const files = names.map((name) => join(sources.data, 'train', name));
  for (const file of files) await requireFile(file, 'mixture');
  const rows = await hashFiles(files);
  const identity = hashOf({
    version: VERSION,
    ...made,
    reading,
    rowsAPiece,
    rows,
    tokenizer: tokensBy(tokenizer),
  });
  const folder = join(cache, identity.slice(0, 24));
  const target = join(folder, `${packing}-${chunkLength}`);
  await makeFolder(target);
  const lock = await lockFolder(folder);
  try {
    const file = (set: SetName) => join(target, `${set}.safetensors`);
    const how: TokenizeOptions = { config, tokenizer, progress, rowsAPiece };
    const remedy = `delete the folder ${folder}, and the rows are prepared again`;
    const written = (path: string) => readSealedJson(path, VERSION, { owner: 'packing', remedy });
    const tokenized =
      ((await written(join(folder, TOKENS_FILE))) as TokensFile | undefined) ??
      (await tokenizeFolder(sources.data, mixed, folder, chat, how));
    const rules: PackingOptions = { ...ROW_PACKING, packing, maxSeqLen: chunkLength };
    let packed = (await written(join(target, PACKED_FILE))) as PackedFile | undefined;
    const wasPacked = packed !== undefined;
    if (!packed) {
      const pack = (set: SetName) =>
        packPieces(join(folder, set), tokenized.pieces[set], file(set), rules, progress(`packing  ${set}`));
      const made = await pack('train');
      packed = { version: VERSION, ...made, heldOutSha256: (await pack('held-out')).packing.sha256 };
      await writeFileAtomic(join(target, PACKED_FILE), sealedJson(packed));
    }
    const { version: _, pieces: counts, ...said } = tokenized;
    const pieces = { folder: join(folder, 'train'), count: counts.train, packing: rules };
    const { packing: report, samples: counted, heldOutSha256 } = packed;
    const [chunks, heldOut] = [await openChunkFile(file('train')), await openChunkFile(file('held-out'))];
    if (wasPacked)
      for (const [set, sha256] of [
        [chunks, report.sha256],
        [heldOut, heldOutSha256],
      ] as const) {
        if (hashChunks(set) !== sha256) throw new Error(`packing: ${set.file} is not as it was written; ${remedy}`);
      }
    return { ...said, packing: report, samples: counted, chunks, heldOut, pieces };
  } finally {
    lock.release();
  }
}

async function tokenizeFolder(
  data: string,
  mixed: MixedFolder,
  folder: string,
  template: Exclude<TemplateName, 'model'> | ChatTemplate,
  options: TokenizeOptions,
): Promise<TokensFile> {
  const chosen = await chooseRows(data, mixed, options.config, options.progress);
  const pieces = await tokenizePieces(data, folder, chosen, template, options);
  const { setOf: _, ...said } = chosen;
  const tokens: TokensFile = { version: VERSION, ...said, pieces };
  await writeFileAtomic(join(folder, TOKENS_FILE), sealedJson(tokens));
  return tokens;
}

/** Rows of the piece to come, and their places among all that are read. */
interface Waiting {
  readonly examples: TrainExample[];
  readonly rows: number[];
}

/**
 * The second reading: rows to tokens, piece by piece. While one piece is tokenized the rows of the next are read.
 *
 * @returns how many pieces each set has
 */
async function tokenizePieces(
  data: string,
  folder: string,
  { mixture, setOf }: ChosenRows,
  template: Exclude<TemplateName, 'model'> | ChatTemplate,
  { config, tokenizer, progress, rowsAPiece }: TokenizeOptions,
): Promise<Readonly<Record<SetName, number>>> {
  const waiting: Record<SetName, Waiting> = {
    train: { examples: [], rows: [] },
    'held-out': { examples: [], rows: [] },
  };
  const pieces: Record<SetName, number> = { train: 0, 'held-out': 0 };
  const line = progress('tokenizing');
  let done = 0;
  let tokens = 0;
  const flush = async (set: SetName, piece: number, { examples, rows }: Waiting) => {
    const target = join(folder, set);
    if (!hasPiece(target, piece)) {
      const { samples, report } = await tokenizeExamples(examples, tokenizer, template);
      const { straddlingTokens, lostSystems = 0 } = report;
      await writePiece(target, piece, { samples, rows, straddlingTokens, lostSystems });
      tokens += report.tokens;
    }
    done += rows.length;
    line.at(done, mixture.total, `rows  ${tokens.toLocaleString('en')} tokens`);
  };
  let running: Promise<void> = Promise.resolve();
  const begin = async (set: SetName) => {
    const whole = waiting[set];
    waiting[set] = { examples: [], rows: [] };
    await running;
    running = flush(set, pieces[set]++, whole);
    // It is awaited with the next piece, or at the end.
    running.catch(() => {});
  };
  let row = -1;
  await readTrainExamples(
    data,
    (example) => {
      row++;
      const set = setOf(row);
      if (set === undefined) return undefined;
      waiting[set].examples.push(example);
      waiting[set].rows.push(row);
      return waiting[set].rows.length === rowsAPiece ? begin(set) : undefined;
    },
    config.rows,
  );
  for (const set of SETS) if (waiting[set].rows.length > 0) await begin(set);
  await running;
  return pieces;
}

/** Packs twice: once to count the chunks, once to write them. Neither keeps any. */
async function packPieces(
  folder: string,
  pieces: number,
  file: string,
  options: PackingOptions,
  line: Progress,
): Promise<Pick<PackedFile, 'packing' | 'samples'>> {
  const samples = openPieces(folder, pieces);
  try {
    const report = reportPacking(samples, options);
    const { packing, maxSeqLen: length } = options;
    const { chunks: count } = report;
    const onChunks = (done: number) => line.at(done, count, 'chunks');
    await writeChunkFile(
      file,
      { packing, length, count, sources: samples.sources, onChunks },
      packedChunks(samples, options),
    );
    onChunks(count);
    return {
      packing: report,
      samples: {
        samples: report.samples,
        tokens: report.tokens + report.droppedTokens,
        lossTokens: report.lossTokens + report.droppedLossTokens,
        straddlingTokens: samples.straddlingTokens,
        ...someLost(samples.lostSystems),
      },
    };
  } finally {
    samples.close();
  }
}
