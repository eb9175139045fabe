import { join, relative, resolve } from 'node:path';
import { ALL_SOURCES, CATALOGUE, sourceNamed } from '../data/sources/catalogue/catalogue';
import { homesOf, type Source } from '../data/sources/catalogue/entry';
import { type FetchPlan, planFetch, runFetch } from '../data/sources/fetch';
import { takeFolder } from '../data/sources/from-folder';
import { hubCache } from '../data/sources/hub/cache';
import { type DownloadOptions, freeBytes } from '../data/sources/hub/download';
import { type Client, createClient } from '../data/sources/hub/http';
import { hubToken, isOffline } from '../data/sources/hub/snapshot';
import { GITHUB } from '../data/sources/locate';
import { fetchModel, HUB_ID, modelOrName, planModel } from '../data/sources/model';
import { type FetchedSource, PAPER_FOLDER } from '../data/sources/record';
import { WORKBOOK_ROOT } from '../files';
import { newCommand, readArguments } from '../run/arguments';
import { createProgress, sayLine } from '../run/progress';
import { count, doneLine, effect, fetchLines, size } from './fetch-text';
import { abortOnInterrupt, callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'fetch',
    'Fetches the paper’s data or a checkpoint into the Hugging Face cache, and writes the data as rows that ' +
      '`reproduce --data` reads. The same command carries an interrupted one on. HF_TOKEN, HF_ENDPOINT, HF_HOME, ' +
      'HF_HUB_CACHE and HF_HUB_OFFLINE are taken as huggingface_hub takes them.',
  )
    .argument('[names...]', 'sources, as --list names them')
    .option('--all', 'every source that can be had')
    .option('--list', 'shows the sources: the paper’s count, where they are, their licences')
    .option('--model <id>', 'a checkpoint of the Hub: config, tokenizer, safetensors')
    .option('--revision <name>', 'of the checkpoint: a branch, a tag or a commit  (default: main)')
    .option('--from <folder>', 'takes rows of the sources that lie in FOLDER/train and FOLDER/eval, without a network')
    .option('--dry-run', 'says what would be fetched, and ends')
    .option('--out <folder>', 'where the rows go  (default: .cache/paper)')
    .option('--at-once <n>', 'files on their way at the same time', '4');

interface Given {
  readonly all: boolean;
  readonly list: boolean;
  readonly model?: string;
  readonly revision?: string;
  readonly from?: string;
  readonly dryRun: boolean;
  readonly out?: string;
  readonly atOnce: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<Given>(command(), args);
  if (options.list) return list();
  const atOnce = Number(options.atOnce);
  if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > 64) {
    throw refusal(`--at-once must be a whole number from 1 to 64, got "${options.atOnce}"`);
  }
  const sources = options.all ? ALL_SOURCES : [...new Set(words)].map(sourceNamed);
  if (sources.length === 0 && options.model === undefined && options.from === undefined) {
    throw refusal('names of sources, --all, --list, --model or --from must be given, got none');
  }
  if (options.all && words.length > 0) throw refusal(`--all takes no names, got ${words.join(' ')}`);
  if (options.revision !== undefined && options.model === undefined) throw refusal('--revision needs --model');
  if (options.from !== undefined) {
    if (sources.length > 0) throw refusal('--from takes all that its folder has, without names of sources');
    await folderOfRows(resolve(callersFolder(), options.from), outOf(options.out));
  }
  if (sources.length === 0 && options.model === undefined) return;
  const client = createClient({ token: await hubToken(), say: sayLine });
  const run = { ...options, atOnce, client, signal: abortOnInterrupt('stopping; what came is kept') };
  if (options.model !== undefined) await model(options.model, run);
  if (sources.length > 0) await data(sources, run);
}

type ModelRun = Pick<Run, 'client' | 'revision' | 'dryRun' | 'atOnce' | 'signal'>;
type Run = Omit<Given, 'atOnce'> & { readonly atOnce: number; readonly client: Client; readonly signal: AbortSignal };

/**
 * Brings the model that a command line names by its Hub id, where the cache lacks it: what `--model ID` means is the same
 * whether it was fetched before or not. Offline nothing is asked for, and the command says what is missing.
 */
export async function bringModel(args: readonly string[]): Promise<void> {
  const place = args.findIndex((one) => one === '--model' || one.startsWith('--model='));
  const given = place < 0 ? '' : args[place]!.startsWith('--model=') ? args[place]!.slice(8) : (args[place + 1] ?? '');
  const [, id, revision] = HUB_ID.exec(given) ?? [];
  const isLook = ['--dry-run', '--print-settings', '--help', '-h'].some((one) => args.includes(one));
  if (id === undefined || isLook || isOffline() || modelOrName(given, callersFolder()) !== given) return;
  const client = createClient({ token: await hubToken(), say: sayLine });
  const signal = abortOnInterrupt('stopping; what came is kept');
  await model(id, { client, dryRun: false, atOnce: 4, signal, ...(revision === undefined ? {} : { revision }) });
}

async function model(id: string, { client, revision, dryRun, atOnce, signal }: ModelRun): Promise<void> {
  if (isOffline())
    throw refusal('HF_HUB_OFFLINE forbids the network; other commands find a fetched model in the cache');
  const plan = await planModel(client, id, revision);
  const { repo, small, weights, bytes } = plan;
  console.log(`${id} at ${repo.commit.slice(0, 7)}, licence: ${repo.licence ?? 'none stated'}`);
  console.log(`${small.length + weights.length} files, ${size(bytes)}, into ${hubCache()}`);
  if (dryRun) return;
  const { folder, fetched } = await fetchModel(client, plan, atOnce, { ...meter(bytes), signal });
  console.log(`\n${size(fetched)} fetched; the model is in\n${folder}`);
}

async function data(sources: readonly Source[], { client, dryRun, atOnce, signal, out: given }: Run): Promise<void> {
  const out = outOf(given);
  const where = {
    client,
    cache: hubCache(),
    raw: join(out, 'raw'),
    ...GITHUB,
    offline: isOffline(),
    say: sayLine,
  };
  const plan = await planFetch(sources, where);
  for (const line of fetchLines(plan)) console.log(line);
  if (!dryRun) {
    await assertSpace(plan.bytes.missing);
    const { onBytes } = meter(plan.bytes.here + plan.bytes.missing, plan.bytes.here, hasUnknownSize(plan));
    const { fetched, refused } = await runFetch(plan, out, {
      atOnce,
      signal,
      say: sayLine,
      onBytes,
      onRows: rowMeter(),
      onDone: (source, isNew) => sayLine(doneLine(source, isNew)),
    });
    sayShort(fetched);
    for (const { source, error } of refused)
      console.log(`missing: ${error.message.replace(/^fetch: /, '')}${effect(source)}`);
    console.log(
      `\n${fetched.length} of ${sources.length} sources are in ${relative(callersFolder(), out) || '.'}; their record is sources.json.`,
    );
    if (refused.length > 0) process.exitCode = 1;
  }
}

async function folderOfRows(folder: string, out: string): Promise<void> {
  const taken = await takeFolder(folder, out, { say: sayLine, onRows: rowMeter() });
  for (const one of taken) console.log(doneLine(one, true));
  sayShort(taken);
  const has = new Set(taken.map(({ title }) => title));
  for (const source of ALL_SOURCES.filter(({ title }) => !has.has(title))) {
    console.log(`missing: no row of ${source.name}${effect(source)}`);
  }
}

const outOf = (given: string | undefined): string =>
  given ? resolve(callersFolder(), given) : join(WORKBOOK_ROOT, PAPER_FOLDER);

function sayShort(sources: readonly FetchedSource[]): void {
  for (const { name, title, rows, samples, standIn } of sources) {
    if (standIn !== null) console.log(`stand-in: ${name} for ${title}: ${standIn}`);
    if (rows < samples) console.log(`short: ${name} has ${count(rows)} rows, the paper counts ${count(samples)}`);
  }
}

const ROWS_EVERY_MS = 5000;

/** Says now and then how far the reading is. */
function rowMeter(): (file: string, rows: number) => void {
  let said = performance.now();
  return (file, rows) => {
    if (performance.now() - said < ROWS_EVERY_MS) return;
    said = performance.now();
    sayLine(`${file}: ${count(rows)} rows read`);
  };
}

const refusal = (what: string): Error => new Error(`fetch: ${what}; --help lists the options`);
/** How far the bytes are, with rate and time left. */
function meter(all: number, here = 0, isOpen = false): Required<Pick<DownloadOptions, 'onBytes' | 'say'>> {
  const progress = createProgress('fetching');
  const began = performance.now();
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
  let [done, came] = [here, 0];
  return {
    say: sayLine,
    onBytes: (bytes) => {
      done += bytes;
      came += Math.max(0, bytes);
      const rate = came / 1e6 / Math.max(0.001, (performance.now() - began) / 1000);
      // Of a file whose server does not say its size there is always more to come.
      const total = isOpen ? Math.max(all, done + 1e6) : all;
      progress.at(megabytes(done), megabytes(total), `MB, ${rate.toFixed(1)} MB/s`);
    },
  };
}

const hasUnknownSize = ({ groups }: FetchPlan): boolean =>
  groups.some(({ places }) =>
    places.some(({ files }) => files.some((file) => file.size === undefined && !file.isHere)),
  );

/** @throws where the cache's disk has less room than all files need, before the first is asked for */
async function assertSpace(needed: number): Promise<void> {
  const free = await freeBytes(hubCache());
  if (free >= needed) return;
  throw new Error(
    `fetch: no space in ${hubCache()}: ${needed} bytes are needed, ${free} are free; free some, or set HF_HUB_CACHE to another disk`,
  );
}

function list(): void {
  for (const { name, title, samples, places, elsewhere, licence, half, differs, ...rest } of CATALOGUE) {
    const { unavailable, alternativeTo } = rest;
    const kind = half === 'train' ? 'samples' : 'items';
    console.log(
      `${name.padEnd(24)} ${title}, ${count(samples)} ${kind}  ${homesOf(places) || 'nowhere'}  (${licence})`,
    );
    if (elsewhere) console.log(`${''.padEnd(24)} else from ${homesOf(elsewhere.places)}`);
    if (unavailable) console.log(`${''.padEnd(24)} cannot be had: ${unavailable.why}; ${unavailable.standIn}`);
    if (alternativeTo) console.log(`${''.padEnd(24)} in place of ${alternativeTo}, where named`);
    for (const one of differs) console.log(`${''.padEnd(24)} ${one}`);
  }
}
