import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { isForeign, type Machine } from './binaries';
import { type BundleEntry, folderEntries } from './entry';

/** An installed package that the workbook needs when it runs. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** As package.json states it. */
  readonly licence: string;
  readonly folder: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const readManifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/**
 * The packages that a folder's package.json asks for, and all that these ask for, where Node would find them. Those of
 * development are not among them, nor optional ones that were not installed, such as other platforms'.
 *
 * @throws naming a package that is asked for and not installed
 */
export function productionPackages(root: string): InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  const visit = (folder: string, manifest: Manifest): void => {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta } = manifest;
    const names = new Set([dependencies, optionalDependencies, peerDependencies].flatMap((some) => Object.keys(some)));
    for (const name of names) {
      const at = resolvePackage(folder, name, root);
      const isOptional = name in optionalDependencies || peerDependenciesMeta?.[name]?.optional === true;
      if (at === undefined && isOptional) continue;
      if (at === undefined) {
        throw new Error(
          `bundle: package ${name}, which ${manifest.name} ${manifest.version} needs, is not installed in ${root}; run \`npm ci\` there`,
        );
      }
      // An optional peer that is there for development alone would come in with it.
      if (found.has(at) || peerDependenciesMeta?.[name]?.optional === true) continue;
      const own = readManifest(at);
      found.set(at, { name: own.name, version: own.version, licence: licenceOf(own), folder: at });
      visit(at, own);
    }
  };
  visit(root, readManifest(root));
  return [...found.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** Node's own search: beside the package, then in each folder above, up to the root. */
function resolvePackage(from: string, name: string, root: string): string | undefined {
  for (let at = from; at.startsWith(root); at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return undefined;
}

function licenceOf({ license, licenses }: Manifest): string {
  const stated = [license ?? licenses ?? []].flat().map((one) => (typeof one === 'string' ? one : one.type));
  return stated.filter((one) => one !== undefined).join(' or ') || 'none stated';
}

/**
 * A package's files, without maps of its source and without machine code of other machines. Packages within it come by
 * themselves.
 *
 * @param path of the workbook in the archive
 */
export async function packageEntries(
  { folder }: InstalledPackage,
  root: string,
  path: string,
  machine: Machine,
): Promise<BundleEntry[]> {
  const place = relative(root, folder).split(sep).join('/');
  const entries = await folderEntries(`${path}/${place}`, folder, (below, isFolder) =>
    isFolder ? below !== 'node_modules' : !below.endsWith('.map'),
  );
  const foreign = await Promise.all(entries.map(({ from }) => isForeign(from as string, machine)));
  return entries.filter((_, i) => !foreign[i]);
}
