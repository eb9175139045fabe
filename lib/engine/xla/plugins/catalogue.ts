import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKBOOK_ROOT } from '../../../files';

/** The plug-ins that `med42 xla install` knows, and the wheels that each is made of, pinned by hash. */

export interface Wheel {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A package of the index: one wheel for each kind of machine. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly wheels: readonly Wheel[];
}

export interface PluginEntry {
  readonly name: PluginName;
  /** As `xla:DEVICE` asks for it. */
  readonly device: PluginDevice;
  readonly about: string;
  /** What compiling for a card that is not there needs; undefined where a plug-in cannot. */
  readonly compileOnly?: readonly string[];
  /** Its library, below site-packages of a Python environment or its folder in the cache. */
  readonly library: string;
}

export const PLUGIN_DEVICES = ['cuda', 'rocm', 'oneapi', 'metal', 'tpu', 'cpu'] as const;
export type PluginDevice = (typeof PLUGIN_DEVICES)[number];

export const PLUGIN_NAMES = ['cuda13', 'cuda12', 'rocm7', 'oneapi', 'metal', 'tpu', 'cpu'] as const;
export type PluginName = (typeof PLUGIN_NAMES)[number];

/** In the order in which `xla` without a device takes the first that is there: accelerators before the CPU. */
export const PLUGINS: readonly PluginEntry[] = [
  {
    name: 'cuda13',
    device: 'cuda',
    about: 'NVIDIA, driver 580 or newer',
    compileOnly: ['jax-cuda13-pjrt', 'nvidia-cuda-nvcc', 'nvidia-nvvm'],
    library: 'jax_plugins/xla_cuda13/xla_cuda_plugin.so',
  },
  {
    name: 'cuda12',
    device: 'cuda',
    about: 'NVIDIA, driver 525 or newer',
    compileOnly: ['jax-cuda12-pjrt', 'nvidia-cuda-nvcc-cu12'],
    library: 'jax_plugins/xla_cuda12/xla_cuda_plugin.so',
  },
  {
    name: 'rocm7',
    device: 'rocm',
    about: 'AMD; ROCm 7 itself must be installed',
    library: 'jax_plugins/xla_rocm7/xla_rocm_plugin.so',
  },
  {
    name: 'oneapi',
    device: 'oneapi',
    about: 'Intel; its oneAPI libraries must be installed',
    library: 'jax_plugins/xla_oneapi/xla_oneapi_plugin.so',
  },
  {
    name: 'metal',
    device: 'metal',
    about: 'Apple, macOS 26 on arm64',
    library: 'metal_pjrt_core/pjrt_c_api_mtl_plugin.dylib',
  },
  { name: 'tpu', device: 'tpu', about: 'Google’s TPU machines', library: 'libtpu/libtpu.so' },
  {
    name: 'cpu',
    device: 'cpu',
    about: 'Linux x86-64: for tests and as a reference, not faster than the default',
    library: 'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so',
  },
];

/** @throws naming the plug-ins there are */
export function pluginEntry(name: string): PluginEntry {
  const entry = PLUGINS.find((p) => p.name === name);
  if (!entry) throw new Error(`xla: unknown plug-in "${name}"; use one of ${PLUGIN_NAMES.join(', ')}`);
  return entry;
}

/** The file that pip reads. */
export const requirementsFile = (name: PluginName): string =>
  join(WORKBOOK_ROOT, 'lib', 'engine', 'xla', 'plugins', 'requirements', `${name}.txt`);

/** Its packages: a comment names licence and files, with their bytes, in the order of the hashes. */
export function readRequirements(name: PluginName): readonly Package[] {
  const packages: Package[] = [];
  let licence = '';
  let files: { file: string; bytes: number }[] = [];
  for (const line of readFileSync(requirementsFile(name), 'utf8').replaceAll('\\\n', ' ').split('\n')) {
    const named = /^# licence: (.+)$/.exec(line)?.[1];
    const file = /^# (\S+\.whl) (\d+)$/.exec(line);
    const pinned = /^([\w-]+)==(\S+)/.exec(line);
    if (named) licence = named;
    if (file) files.push({ file: file[1]!, bytes: Number(file[2]) });
    if (!pinned) continue;
    const hashes = [...line.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map((m) => m[1]!);
    if (hashes.length !== files.length)
      throw new Error(`xla: ${requirementsFile(name)}: ${pinned[1]} has ${files.length} files`);
    const wheels = files.map((f, i) => ({ ...f, sha256: hashes[i]! }));
    packages.push({ name: pinned[1]!, version: pinned[2]!, licence, wheels });
    files = [];
  }
  return packages;
}

/** As wheels name this machine's processor. */
const PROCESSOR: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: process.platform === 'darwin' ? 'arm64' : 'aarch64',
};

/**
 * The wheel of each package that this machine takes.
 *
 * @throws where the plug-in is not made for it
 */
export function wheelsHere(packages: readonly Package[]): readonly Wheel[] {
  const system =
    process.platform === 'darwin' ? 'macosx' : process.platform === 'linux' ? 'manylinux' : process.platform;
  const processor = PROCESSOR[process.arch] ?? process.arch;
  return packages.map(({ name, version, wheels }) => {
    const wheel = wheels.find(({ file }) => file.includes(system) && file.endsWith(`_${processor}.whl`));
    if (wheel) return wheel;
    throw new Error(
      `xla: ${name} ${version} has no wheel for ${process.platform} on ${process.arch}, only ` +
        wheels.map((w) => w.file).join(', '),
    );
  });
}
