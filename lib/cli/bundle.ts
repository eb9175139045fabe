import { statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { freeBytes } from '../data/sources/hub/download';
import { modelFolderOf } from '../data/sources/model';
import type { DeviceName } from '../engine/device';
import { WORKBOOK_ROOT } from '../files';
import { newCommand, readArguments } from '../run/arguments';
import { writeArchive } from '../run/bundle/archive';
import { type BundleContents, bundleContents } from '../run/bundle/contents';
import { createProgress, sayLine } from '../run/progress';
import { abortOnInterrupt, callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'bundle',
    'Writes the workbook as one archive for machines like this one, without a network and without Node: unpack it and run it.',
  )
    .option('--model <folder>', 'packs a model: a Hugging Face folder, or the Hub id of one that `med42 fetch` brought')
    .option('--data <folder>', 'packs rows: a folder with train/ or eval/')
    .option(
      '--device <name>',
      'cpu | webgpu | tfjs | xla:cpu, xla:cuda, ...: packs the installed plug-in of XLA',
      'cpu',
    )
    .option('--out <file>', 'the archive  (default: results/med42-VERSION-SYSTEM-PROCESSOR.tar.xz)')
    .option('--list', 'prints what would be packed, a file a line with its bytes, and ends');

interface Given {
  readonly model?: string;
  readonly data?: string;
  readonly device: string;
  readonly out?: string;
  readonly list: boolean;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<Given>(command(), args);
  if (words.length > 0) throw refusal(`takes no words, got "${words.join(' ')}"`);
  if (process.platform === 'win32') throw refusal('is made on Linux and macOS alone, and this is Windows');
  const from = callersFolder();
  const contents = await bundleContents({
    root: WORKBOOK_ROOT,
    device: options.device as DeviceName,
    ...(options.model === undefined ? {} : { model: chosenModel(options.model, from) }),
    ...(options.data === undefined ? {} : { data: resolve(from, options.data) }),
  });
  if (options.list) return list(contents);
  await write(contents, options.out === undefined ? undefined : resolve(from, options.out));
}

/** A model of the Hub's cache lies in a folder named after its commit. */
function chosenModel(given: string, from: string): { readonly folder: string; readonly name: string } {
  const folder = modelFolderOf(given, from);
  return { folder, name: folder === resolve(from, given) ? basename(folder) : basename(given.replace(/@.*$/, '')) };
}

const refusal = (what: string): Error => new Error(`bundle: ${what}; --help lists the options`);

function list({ folder, entries }: BundleContents): void {
  for (const { path, bytes } of entries) console.log(`${String(bytes).padStart(12)}  ${folder}/${path}`);
}

async function write(
  { folder, entries, bytes, chosenBytes }: BundleContents,
  given: string | undefined,
): Promise<void> {
  const out = given ?? join(WORKBOOK_ROOT, 'results', `${folder}.tar.xz`);
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw refusal(`--out must be a file, ${out} is a folder`);
  sayLine(
    `to pack: ${entries.length.toLocaleString('en')} files, ${megabytes(bytes)}` +
      `${chosenBytes > 0 ? `, of which ${megabytes(chosenBytes)} are model, rows and plug-in` : ''}; packed they take less`,
  );
  const free = await freeBytes(dirname(out));
  if (free < bytes) {
    throw new Error(
      `bundle: ${dirname(out)} has ${megabytes(free)} free, and ${megabytes(bytes)} may be needed; free some, or choose another --out`,
    );
  }
  const signal = abortOnInterrupt('stopping; nothing is kept');
  const progress = createProgress('packing');
  const whole = Math.round(bytes / 1e6);
  const archive = await writeArchive(
    out,
    folder,
    entries,
    (packed) => progress.at(packed === bytes ? whole : Math.min(whole - 1, Math.floor(packed / 1e6)), whole, 'MB'),
    signal,
  );
  progress.end?.();
  console.log(
    [
      `${relative(callersFolder(), out)}: ${megabytes(archive.bytes)}`,
      `sha256 ${archive.sha256}`,
      'On the other machine:',
      `  tar -xJf ${basename(out)} && ${folder}/med42 reproduce --preset smoke`,
      'Research only, not for clinical decisions.',
    ].join('\n'),
  );
}
