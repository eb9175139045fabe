import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pluginCache, readInstalled } from './cache';
import { PLUGIN_DEVICES, PLUGINS, type PluginEntry } from './catalogue';

/** Where a device's plug-in lies: named, in the cache, or in a Python environment. */

export type XlaDevice = 'xla' | `xla:${PluginEntry['device']}`;

export interface FoundPlugin {
  readonly file: string;
  /** Libraries to load before it, by path. */
  readonly preload: readonly string[];
  /** Where it looks for ptxas and libdevice (`xla_gpu_cuda_data_dir`); undefined for others than CUDA's. */
  readonly cudaDataDir?: string;
  /** Undefined where the user named a file that lies in no known place. */
  readonly entry?: PluginEntry;
  /** For people: the cache, or the environment. */
  readonly where: string;
  /** False where it only compiles: its libraries to run are not there. */
  readonly complete: boolean;
}

export interface FindSettings {
  /** A file that the user names (`--plugin`); where there is none, MED42_XLA_PLUGIN may name it. */
  readonly plugin?: string;
  /** What compiles for a card that is not there will do. */
  readonly compileOnly?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * @param device `xla` takes the first that is there
 * @throws saying where was looked for what, and what to type
 */
export function findPlugin(
  device: XlaDevice,
  { plugin, compileOnly = false, env = process.env }: FindSettings = {},
): FoundPlugin {
  const wanted = device === 'xla' ? undefined : device.replace(/^xla:/, '');
  if (wanted !== undefined && !(PLUGIN_DEVICES as readonly string[]).includes(wanted)) {
    throw new Error(`xla: unknown device "${device}"; use xla, ${PLUGIN_DEVICES.map((d) => `xla:${d}`).join(', ')}`);
  }
  const named = namedPlugin(plugin, env);
  if (named) {
    const kind = named.entry?.device;
    if (wanted === undefined || kind === undefined || kind === wanted) return named;
    throw new Error(`device: ${device} needs another plug-in than ${named.file}, which is for ${kind}`);
  }
  const entries = PLUGINS.filter((p) => wanted === undefined || p.device === wanted);
  const all = listFound(entries, env);
  const found = all.find((p) => compileOnly || p.complete);
  if (found) return found;
  const partly = all[0];
  if (partly) {
    throw new Error(
      `xla: the plug-in ${partly.entry!.name} (${partly.where}) was installed to compile only; type \`med42 xla install ` +
        `${partly.entry!.name}\` for what running needs`,
    );
  }
  const environments = pythonFolders(env);
  throw new Error(
    `xla: no plug-in for ${device}; looked in ${pluginCache(env)} for ${entries.map((e) => e.name).join(', ')} and in ` +
      `${environments.length ? environments.join(', ') : 'no Python environment (neither VIRTUAL_ENV, CONDA_PREFIX nor python3 leads to one)'} ` +
      `for ${entries.map((e) => e.library).join(', ')}; type \`med42 xla install ${entries.length === 1 ? entries[0]!.name : 'NAME'}\`` +
      ' (`med42 xla list` shows the names), or name a file with --plugin',
  );
}

/**
 * The plug-in that the user names before all others.
 *
 * @throws when there is no such file
 */
export function namedPlugin(plugin: string | undefined, env: NodeJS.ProcessEnv = process.env): FoundPlugin | undefined {
  const given = plugin ?? env.MED42_XLA_PLUGIN;
  if (given === undefined || (given === '' && plugin === undefined)) return undefined;
  const file = resolve(given);
  const by = plugin === undefined ? 'MED42_XLA_PLUGIN' : '--plugin or the setting "plugin"';
  const found = statSync(file, { throwIfNoEntry: false });
  if (given === '' || !found?.isFile()) {
    const what = given === '' ? 'no file is named' : `${found ? 'a folder lies' : 'no file lies'} at ${file}`;
    throw new Error(
      `xla: ${by} must name a plug-in’s shared library, and ${what}; \`med42 xla list\` shows those that are here`,
    );
  }
  const entry = PLUGINS.find(({ library }) => file.endsWith(join('/', library)));
  return { ...beside(file), file, where: file, complete: true, ...(entry ? { entry } : {}) };
}

/** Every plug-in that is there, in the order in which it would be taken: the cache before Python's. */
export function listFound(
  entries: readonly PluginEntry[] = PLUGINS,
  env: NodeJS.ProcessEnv = process.env,
): readonly FoundPlugin[] {
  const cache = pluginCache(env);
  const folders = pythonFolders(env);
  return entries.flatMap((entry) => {
    const installed = readInstalled(entry, cache);
    const own = installed
      ? [
          {
            ...beside(installed.file),
            file: installed.file,
            entry,
            where: installed.folder,
            complete: installed.complete,
          },
        ]
      : [];
    const inPython = folders
      .filter((folder) => existsSync(join(folder, entry.library)))
      .map((folder) => ({
        ...beside(join(folder, entry.library)),
        file: join(folder, entry.library),
        entry,
        where: folder,
        complete: true,
      }));
    return [...own, ...inPython];
  });
}

/** CUDA's libraries lie beside the plug-in, by the layout of NVIDIA's wheels. */
function beside(file: string): Pick<FoundPlugin, 'preload' | 'cudaDataDir'> {
  const nvidia = join(dirname(file), '..', '..', 'nvidia');
  // cuDNN opens nvrtc by its bare name: it is found where it is loaded already.
  const preload = [join(nvidia, 'cu13', 'lib', 'libnvrtc.so.13'), join(nvidia, 'cuda_nvrtc', 'lib', 'libnvrtc.so.12')];
  const [cudaDataDir] = [join(nvidia, 'cu13'), join(nvidia, 'cuda_nvcc')].filter((folder) =>
    existsSync(join(folder, 'bin', 'ptxas')),
  );
  return { preload: preload.filter((path) => existsSync(path)), ...(cudaDataDir ? { cudaDataDir } : {}) };
}

/** site-packages of the active virtual environment and of python3. */
function pythonFolders(env: NodeJS.ProcessEnv): readonly string[] {
  const active = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter((folder) => folder !== undefined).flatMap(sitePackages);
  // Whatever else a Python prints at its start is no such path.
  const asked = spawnSync('python3', ['-c', 'import sys; print("\\n".join(["", *sys.path]))'], {
    env,
    encoding: 'utf8',
  });
  const paths = asked.status === 0 ? asked.stdout.split('\n').map((path) => path.trim()) : [];
  return [...new Set([...active, ...paths.filter((path) => /(site|dist)-packages$/.test(path))])];
}

function sitePackages(environment: string): readonly string[] {
  const lib = join(environment, 'lib');
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => name.startsWith('python'))
    .map((name) => join(lib, name, 'site-packages'))
    .filter((folder) => existsSync(folder));
}
