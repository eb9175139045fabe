import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DeviceName } from '../../engine/device';
import { pluginCache, readInstalled } from '../../engine/xla/plugins/cache';
import { PLUGINS, readRequirements } from '../../engine/xla/plugins/catalogue';
import { openModelAt } from '../open-model';
import { thisMachine } from './binaries';
import { type BundleEntry, fileEntry, folderEntries, textEntry } from './entry';
import { nodeEntries } from './node';
import { type InstalledPackage, packageEntries, productionPackages } from './packages';
import { bundleReadme, launcher, licencesText, type Packed } from './texts';

export interface BundleChoice {
  /** The workbook's folder, built. */
  readonly root: string;
  readonly device: DeviceName;
  /** A model's folder, and what it is called in the bundle. */
  readonly model?: { readonly folder: string; readonly name: string };
  /** A folder with train/ or eval/. */
  readonly data?: string;
}

export interface BundleContents {
  /** The one folder that the archive unpacks to. */
  readonly folder: string;
  readonly entries: readonly BundleEntry[];
  /** Of all files, and of those that were chosen beside the workbook: model, data, plug-in. */
  readonly bytes: number;
  readonly chosenBytes: number;
}

/** What the workbook is made of, beside its packages. */
const FILES = ['LICENSE', 'README.md', 'environment.md', 'package.json', 'package-lock.json', 'settings.schema.json'];
const FOLDERS = ['data', 'dist', 'lib', 'notebooks', 'results/recorded'];
/** Hidden files are an editor's or a build's own; dist/.built tells that nothing need be built. */
const HIDDEN = /(^|\/)\.(?!built$)/;
/** Programs of development, below dist/. */
const DEVELOPMENT = /^(with-|gpu-check\b)/;

/**
 * Lists what goes into a bundle for this machine's system and processor.
 *
 * @throws naming what is missing: a package, Node's licence, the model, the data, the plug-in
 */
export async function bundleContents({ root, device, model, data }: BundleChoice): Promise<BundleContents> {
  const machine = thisMachine();
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const folder = `med42-${version}-${machine.platform}-${machine.arch}`;
  const packages = productionPackages(root);
  const [plugin, pluginFiles] = await pluginOf(device);
  const chosen = [...(await modelEntries(model)), ...(await dataEntries(data)), ...pluginFiles];
  const modules: BundleEntry[] = [];
  const texts = new Map<InstalledPackage, readonly string[]>();
  for (const one of packages) {
    const entries = await packageEntries(one, root, 'workbook', machine);
    modules.push(...entries);
    texts.set(one, entries.map(({ path }) => path).filter(isLicence));
  }
  const packed: Packed = {
    folder,
    version,
    machine: [`${machine.platform} ${machine.arch}`, libraryOf()].filter(Boolean).join(', '),
    ...(model === undefined ? {} : { model: model.name }),
    ...(data === undefined ? {} : { data: basename(data) }),
    ...(plugin ? { plugin } : {}),
  };
  const entries = [
    textEntry('README.md', bundleReadme(packed)),
    textEntry('LICENCES.md', licencesText(packed, packages, texts)),
    textEntry('med42', launcher(packed), true),
    ...(await nodeEntries()),
    ...(await workbookEntries(root)),
    ...modules,
    ...chosen,
  ];
  const sum = (some: readonly BundleEntry[]) => some.reduce((total, { bytes }) => total + bytes, 0);
  return { folder, entries, bytes: sum(entries), chosenBytes: sum(chosen) };
}

const isLicence = (path: string): boolean => /(^|\/)(licen[cs]e|copying|notice|third.?party)[^/]*$/i.test(path);

function libraryOf(): string | undefined {
  const { header } = process.report.getReport() as unknown as { readonly header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime && `glibc ${header.glibcVersionRuntime}`;
}

async function workbookEntries(root: string): Promise<BundleEntry[]> {
  if (!existsSync(join(root, 'dist', '.built'))) {
    throw new Error(`bundle: ${join(root, 'dist')} is not built; run \`npm run build\` in ${root}`);
  }
  const files = await Promise.all(FILES.map((name) => fileEntry(`workbook/${name}`, join(root, name))));
  const folders = FOLDERS.map((name) =>
    folderEntries(`workbook/${name}`, join(root, name), (below, isFolder) => {
      if (HIDDEN.test(below) || (name === 'dist' && DEVELOPMENT.test(below))) return false;
      // dist/ was built from the sources.
      return isFolder || name !== 'lib' || !below.endsWith('.ts');
    }),
  );
  return [...files, ...(await Promise.all(folders)).flat()];
}

async function modelEntries(model: BundleChoice['model']): Promise<BundleEntry[]> {
  if (model === undefined) return [];
  const { folder, name } = model;
  await openModelAt(folder);
  if (!existsSync(join(folder, 'tokenizer.json'))) {
    throw new Error(
      `bundle: ${join(folder, 'tokenizer.json')} is not there; a model is of no use without its tokenizer`,
    );
  }
  return folderEntries(`models/${name}`, folder, (below) => !HIDDEN.test(below));
}

async function dataEntries(folder: string | undefined): Promise<BundleEntry[]> {
  if (folder === undefined) return [];
  const halves = ['train', 'eval'].filter((half) => existsSync(join(folder, half)));
  if (halves.length === 0) {
    throw new Error(`bundle: ${folder} has neither train/ nor eval/; give a folder of rows with --data`);
  }
  return folderEntries(`rows/${basename(folder)}`, folder, (below) => !HIDDEN.test(below));
}

/** The installed plug-in that a device of XLA asks for. */
async function pluginOf(device: DeviceName): Promise<readonly [Packed['plugin'], readonly BundleEntry[]]> {
  if (device === 'cpu' || device === 'webgpu' || device === 'tfjs') return [undefined, []];
  const kinds = PLUGINS.filter((one) => `xla:${one.device}` === device);
  if (kinds.length === 0) {
    throw new Error(
      `bundle: --device must be one of cpu, webgpu, tfjs, ${PLUGINS.map((one) => `xla:${one.device}`).join(', ')}, got "${device}"`,
    );
  }
  const cache = pluginCache();
  const installed = kinds.map((one) => readInstalled(one, cache)).find((one) => one?.complete);
  if (!installed) {
    const names = kinds.map(({ name }) => name);
    throw new Error(
      `bundle: no plug-in for ${device} is installed whole in ${cache}; type \`npx med42 xla install ${names.join('` or `npx med42 xla install ')}\``,
    );
  }
  const { name, folder, file } = installed;
  const kept = new Set(installed.packages);
  return [
    {
      device,
      file: `xla/${name}${file.slice(folder.length).replaceAll('\\', '/')}`,
      packages: readRequirements(name).filter((one) => kept.has(`${one.name}==${one.version}`)),
    },
    await folderEntries(`xla/${name}`, folder),
  ];
}
