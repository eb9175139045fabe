import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { loadPlugin } from '../engine/xla/pjrt/plugin';
import { pluginCache, readInstalled } from '../engine/xla/plugins/cache';
import {
  PLUGIN_NAMES,
  PLUGINS,
  pluginEntry,
  readRequirements,
  requirementsFile,
  wheelsHere,
} from '../engine/xla/plugins/catalogue';
import { listFound, namedPlugin } from '../engine/xla/plugins/find';
import { type InstallPlan, installPlugin, planInstall } from '../engine/xla/plugins/install';
import { newCommand, readArguments } from '../run/arguments';
import { abortOnInterrupt, callersFolder } from './interrupt';

const command = () =>
  newCommand('xla', 'Plug-ins of XLA: tensor cores and many devices, beside the engine that `npm ci` brings.')
    .usage(`list | install ${PLUGIN_NAMES.join('|')} [options]`)
    .argument('[words...]')
    .option('--plugin <file>', 'list: says of this plug-in whether it suits')
    .option('--from <folder>', 'takes the wheels from there, not from the package index')
    .option('--compile-only', 'cuda12, cuda13: only what compiling for a card that is not there needs')
    .option('--yes', 'does not ask');

interface Given {
  readonly plugin?: string;
  readonly from?: string;
  readonly compileOnly: boolean;
  readonly yes: boolean;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<Given>(command(), args);
  const [verb, ...names] = words;
  if (verb === 'list' && names.length === 0) return list(options);
  if (verb === 'install' && names.length === 1) return install(names[0]!, options);
  throw new Error(
    `xla: type \`med42 xla list\` or \`med42 xla install ${PLUGIN_NAMES.join('|')}\`, got "${words.join(' ')}"`,
  );
}

function list({ plugin }: Given): void {
  const cache = pluginCache();
  const found = listFound();
  for (const entry of PLUGINS) {
    const installed = readInstalled(entry, cache);
    const state = installed
      ? `installed${installed.complete ? '' : ', compiles only'}${installed.outdated ? ', another version than pinned' : ''}`
      : '';
    console.log(
      `${entry.name.padEnd(8)} ${sizeHere(entry.name).padStart(8)}  ${entry.about}${state ? `  [${state}]` : ''}`,
    );
    for (const { file } of found.filter((f) => f.entry === entry)) console.log(`         ${file}`);
  }
  console.log(`Cache: ${cache}`);
  const named = namedPlugin(plugin === undefined ? undefined : resolve(callersFolder(), plugin));
  if (!named) return;
  const { apiVersion, stablehloVersion } = loadPlugin(named.file, named);
  console.log(`Named, and taken before all others: ${named.file}, PJRT ${apiVersion}, StableHLO ${stablehloVersion}`);
}

function sizeHere(name: (typeof PLUGIN_NAMES)[number]): string {
  try {
    return megabytes(wheelsHere(readRequirements(name)).reduce((sum, w) => sum + w.bytes, 0));
  } catch {
    return 'not here';
  }
}

async function install(name: string, { from, compileOnly, yes }: Given): Promise<void> {
  const plan = planInstall(pluginEntry(name), { compileOnly });
  const cache = pluginCache();
  describe(plan, cache, from);
  if (!yes && !(await agrees())) {
    console.log('Nothing was installed.');
    return;
  }
  const signal = abortOnInterrupt('The installation stops; nothing is kept');
  const folder = await installPlugin(plan, {
    cache,
    signal,
    ...(from ? { from: resolve(callersFolder(), from) } : {}),
  });
  console.log(`Installed in ${folder}.`);
}

function describe({ entry, packages, downloadBytes }: InstallPlan, cache: string, from?: string): void {
  const wheels = wheelsHere(packages);
  console.log(`${entry.name}: ${entry.about}`);
  for (const [i, { name, version, licence }] of packages.entries()) {
    console.log(`  ${name} ${version}  ${megabytes(wheels[i]!.bytes)}  ${licence}`);
  }
  console.log(
    `${megabytes(downloadBytes)} ${from ? `from ${from}` : 'from the package index, by pip'}, about three times that on the disk, into ${cache}.\n` +
      `Pinned in ${requirementsFile(entry.name)}.`,
  );
}

/** @throws where nobody can be asked */
async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new Error('xla: install asks before it begins, and here nobody can answer; add --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question('Install, under these licences? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
