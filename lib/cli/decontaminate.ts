import { rmdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { openDataset, type TrainReading } from '../data/examples';
import { readingLines } from '../data/reading/notes';
import { type Comparison, DEFAULT_TOP_K, DEFAULT_VIEW, decontaminate } from '../decontaminate/decontaminate';
import { type Encoder, openEncoder } from '../decontaminate/encoder';
import { fetchEncoder, HUB_ENCODER } from '../decontaminate/hub';
import { writePairs } from '../decontaminate/pairs-files';
import { VIEWS } from '../decontaminate/record';
import { writeDecontamination } from '../decontaminate/result-file';
import { viewNamed } from '../decontaminate/views';
import { type DeviceName, openDevice } from '../engine/device';
import { DEVICE_HELP, PLUGIN_HELP } from '../engine/device-names';
import { WORKBOOK_ROOT } from '../files';
import { newCommand, readArguments } from '../run/arguments';
import { readWorld, showReading } from '../run/data-stage';
import { decontaminationIdentity, truthOf } from '../run/decontamination-stage';
import { lockFolder } from '../run/lock';
import { peakMemoryBytes } from '../run/memory';
import { clock, createProgress } from '../run/progress';
import { DATA_FORMS, type RowArguments, rowOptions, withRowOptions } from '../run/row-options';
import { callersFolder } from './interrupt';

const command = () =>
  withRowOptions(
    newCommand(
      'decontaminate',
      'Finds evaluation items near training rows. Writes decontamination.json, pairs.csv and pairs.md. The same command ' +
        'carries an interrupted run on.',
    ),
  )
    .option('--data <folder>', `rows in FOLDER/eval and FOLDER/train: ${DATA_FORMS}  (default: the bundled miniature)`)
    .option(
      '--encoder <folder>',
      `a SentenceTransformers folder with onnx/model.onnx  (default: ${HUB_ENCODER}, fetched once; without a network: TF-IDF)`,
    )
    .option('--tf-idf', 'word statistics in place of an encoder: not the paper’s method')
    .option('--view <name>', VIEWS.join(' | '), DEFAULT_VIEW)
    .option('--threshold <n>', 'an item is flagged above it  (default: 0.8, the paper’s; TF-IDF has its own)')
    .option('--top-k <n>', `nearest rows kept for each item  (default: ${DEFAULT_TOP_K})`)
    .option('--cache <folder>', 'where vectors are kept  (default: .cache/embeddings/NAME)')
    .option('--out <folder>', 'where results go  (default: results/decontamination)')
    .option('--device <name>', DEVICE_HELP, 'cpu')
    .option('--plugin <file>', PLUGIN_HELP);

interface Given extends RowArguments {
  readonly data?: string;
  readonly encoder?: string;
  readonly tfIdf: boolean;
  readonly view: string;
  readonly threshold?: string;
  readonly topK?: string;
  readonly cache?: string;
  readonly out?: string;
  readonly device: string;
  readonly plugin?: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options: values } = readArguments<Given>(command(), args);
  const root = WORKBOOK_ROOT;
  const from = callersFolder();
  const view = viewNamed(values.view);
  const threshold = number('threshold', values.threshold);
  const topK = number('top-k', values.topK);
  const out = values.out ? resolve(from, values.out) : resolve(root, 'results', 'decontamination');
  const began = performance.now();
  const data = values.data ? resolve(from, values.data) : resolve(root, 'data', 'miniature');
  const { evaluation, readTraining } = await openDataset(data, { ...rowOptions(values, refusal), ...showReading() });
  const device = await openDevice(
    values.device as DeviceName,
    undefined,
    values.plugin === undefined ? {} : { plugin: resolve(from, values.plugin) },
  );
  if (device.note) console.error(device.note);
  const encoder = values.tfIdf ? undefined : await findEncoder(values.encoder, root, from, device);
  const comparison: Comparison = encoder
    ? { kind: 'embedding', encoder, device, cache: cacheFolder(values.cache, encoder, root, from) }
    : { kind: 'tf-idf' };
  const folders = comparison.kind === 'embedding' ? [out, comparison.cache!] : [out];
  const locks: Awaited<ReturnType<typeof lockFolder>>[] = [];
  try {
    for (const folder of folders) locks.push(await lockFolder(folder));
    const progress = { embedding: createProgress('embedding'), searching: createProgress('searching') };
    let training: TrainReading | undefined;
    const result = await decontaminate({
      ...truthOf(await readWorld(data)),
      items: evaluation.items,
      rows: async (take) => {
        let rows = 0;
        training = await readTraining((row) => {
          rows++;
          take(row);
        });
        for (const line of readingLines({ evaluation, training })) console.error(line);
        console.error(`${evaluation.items.length} items, ${rows} training rows`);
      },
      comparison,
      view,
      ...(threshold === undefined ? {} : { threshold }),
      ...(topK === undefined ? {} : { topK }),
      at: (stage, done, total) => progress[stage].at(done, total),
    });
    const identity = decontaminationIdentity([...evaluation.files, ...training!.files], encoder ? [encoder] : [], {
      view,
      threshold: result.threshold,
      topK: topK ?? null,
    });
    await writeDecontamination(out, { identity, methods: [result] });
    await writePairs(result, out);
    console.log(`\n${result.method}, above ${result.threshold}, ${result.view}`);
    if (result.notice) console.log(result.notice);
    for (const { task, subject, n, flagged, percent } of result.tasks) {
      const name = subject === null ? task : `  ${subject}`;
      if (subject === null || task === 'mmlu') {
        console.log(
          `${name.padEnd(28)} ${String(flagged).padStart(5)} of ${String(n).padStart(5)}  ${percent.toFixed(1)} %`,
        );
      }
    }
    const { n, flagged, percent } = result.total;
    console.log(
      `${'all'.padEnd(28)} ${String(flagged).padStart(5)} of ${String(n).padStart(5)}  ${percent.toFixed(1)} %`,
    );
    const peak = peakMemoryBytes() / 2 ** 30;
    console.log(`\n${clock((performance.now() - began) / 1000)} in all, at most ${peak.toFixed(2)} GB of memory.`);
    console.log(`Open ${relative(from, join(out, 'pairs.md'))}. Research only, not for clinical decisions.`);
  } finally {
    await encoder?.dispose();
    for (const lock of locks) lock.release();
    // Of a refused run nothing stays: only an empty folder can be removed so.
    for (const folder of folders) await rmdir(folder).catch(() => {});
  }
}

/** The folder given, else the Hub's; undefined, with the reason said, where there is neither. */
async function findEncoder(
  folder: string | undefined,
  root: string,
  from: string,
  device: Awaited<ReturnType<typeof openDevice>>,
): Promise<Encoder | undefined> {
  if (folder !== undefined) return openEncoder(resolve(from, folder), device);
  try {
    const fetched = await fetchEncoder(resolve(root, '.cache', 'models'), {
      say: (line) => console.error(line),
    });
    return await openEncoder(fetched, device);
  } catch (error) {
    console.error(`${(error as Error).message}\nFalling back on TF-IDF, which is not the paper's method.`);
    return undefined;
  }
}

const cacheFolder = (given: string | undefined, { description }: Encoder, root: string, from: string): string =>
  given
    ? resolve(from, given)
    : join(root, '.cache', 'embeddings', `${basename(description.name)}-${description.sha256.slice(0, 12)}`);

function number(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value.trim() === '' || !Number.isFinite(Number(value))) {
    throw refusal(`--${name} must be a number, got "${value}"`);
  }
  return Number(value);
}

const refusal = (what: string): Error => new Error(`decontaminate: ${what}; --help lists the options`);
