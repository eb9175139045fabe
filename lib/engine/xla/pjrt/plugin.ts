import { statSync } from 'node:fs';
import koffi from 'koffi';
import { openLibrary, type SharedLibrary } from '../../shared-library';
import { FUNCTION_TABLE, TABLE_HEAD, TABLE_MAJOR, TABLE_MINOR } from './abi';
import { Api, copyMemory, namedValues, type Options, PjrtError, readNamedValues } from './api';
import { type Client, openClient } from './client';

/** The oldest that this library was tried with. */
const OLDEST_API = [0, 106] as const;
const OLDEST_STABLEHLO = [1, 16, 0] as const;

/** A plug-in of XLA: one shared library with devices of one kind. */
export interface Plugin {
  readonly file: string;
  /** PJRT's C interface, as major.minor. */
  readonly apiVersion: string;
  /** The newest StableHLO that it reads. */
  readonly stablehloVersion: string;
  readonly api: Api;
  /**
   * @param options the plug-in's own, by name: the CPU has `cpu_device_count`
   * @throws when it finds no device
   */
  createClient(options?: Options): Promise<Client>;
}

const loaded = new Map<string, Plugin>();

/**
 * Loads a plug-in once a process.
 *
 * @param preload libraries that it looks for by name, loaded by path before it
 * @throws naming the file, when it is not there, no plug-in, or of a version that does not suit
 */
export function loadPlugin(file: string, { preload = [] }: { readonly preload?: readonly string[] } = {}): Plugin {
  const known = loaded.get(file);
  if (known) return known;
  // XLA logs each client that it opens, and warns of what no user can change; its errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  for (const library of preload) openOrExplain(library);
  const table = openTable(file);
  const apiVersion = [table.readInt32LE(TABLE_MAJOR), table.readInt32LE(TABLE_MINOR)];
  if (apiVersion[0] !== OLDEST_API[0] || isOlder(apiVersion, OLDEST_API)) {
    throw new Error(
      `xla: ${file} has version ${apiVersion.join('.')} of PJRT’s interface, ${OLDEST_API.join('.')} or newer of the same ` +
        'first number is needed; install another plug-in (`med42 xla list`)',
    );
  }
  const api = new Api(table);
  const lacking = [...FUNCTION_TABLE.keys()].filter((name) => !api.has(name));
  if (lacking.length > 0) {
    throw new Error(`xla: ${file} lacks PJRT_${lacking.join(', PJRT_')}; install another plug-in (\`med42 xla list\`)`);
  }
  const attributes = readAttributes(api);
  const stablehlo = attributes.get('stablehlo_current_version');
  const version = Array.isArray(stablehlo) ? stablehlo : undefined;
  if (!version || isOlder(version, OLDEST_STABLEHLO)) {
    throw new Error(
      `xla: ${file} reads StableHLO ${version?.join('.') ?? 'of a version that it does not say'}, ` +
        `${OLDEST_STABLEHLO.join('.')} or newer is needed; install a newer plug-in (\`med42 xla list\`)`,
    );
  }
  const plugin: Plugin = {
    file,
    apiVersion: apiVersion.join('.'),
    stablehloVersion: version.join('.'),
    api,
    createClient: async (options = {}) => {
      const create_options = namedValues(options);
      const made = await api
        .callAside('Client_Create', { create_options, num_options: Object.keys(options).length })
        .catch((error: unknown) => {
          throw error instanceof PjrtError ? clientRefused(file, error) : error;
        });
      return openClient(api, made.pointer('client'));
    },
  };
  loaded.set(file, plugin);
  return plugin;
}

const ENTRY = koffi.proto('void *GetPjrtApi()');

/** A copy of the plug-in's PJRT_Api. */
function openTable(file: string): Buffer {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new Error(`xla: no plug-in at ${file}; name a shared library that exports GetPjrtApi`);
  }
  const entry = openOrExplain(file).find('GetPjrtApi');
  if (entry === undefined) {
    throw new Error(`xla: ${file} is a shared library, but no plug-in of XLA: it does not export GetPjrtApi`);
  }
  const address: bigint | null = koffi.decode(entry, ENTRY)();
  if (!address) throw new Error(`xla: ${file}: GetPjrtApi gives nothing; install another plug-in (\`med42 xla list\`)`);
  const size = Number(copyMemory(address, 8).readBigUInt64LE());
  if (size < TABLE_HEAD) {
    throw new Error(`xla: ${file}: its table of functions has ${size} bytes, ${TABLE_HEAD} or more are needed`);
  }
  return copyMemory(address, size);
}

function openOrExplain(file: string): SharedLibrary {
  try {
    return openLibrary(file);
  } catch (error) {
    throw new Error(`xla: ${file} cannot be loaded as a shared library: ${(error as Error).message}`, { cause: error });
  }
}

function readAttributes(api: Api) {
  api.call('Plugin_Initialize');
  const found = api.call('Plugin_Attributes');
  return readNamedValues(found.pointer('attributes'), found.number('num_attributes'));
}

const isOlder = (version: readonly number[], oldest: readonly number[]): boolean => {
  const at = oldest.findIndex((part, i) => (version[i] ?? 0) !== part);
  return at >= 0 && (version[at] ?? 0) < oldest[at]!;
};

function clientRefused(file: string, error: PjrtError): Error {
  const isOption = error.code === 'INVALID_ARGUMENT';
  const needs = isOption ? '' : '; it needs a device of its kind, its driver, and both visible to this process';
  const words = error.detail.replace(/\.$/, '');
  return new Error(`xla: the plug-in ${file} opens no device (${error.code}: ${words})${needs}`, { cause: error });
}
