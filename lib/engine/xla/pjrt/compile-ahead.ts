import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { namedValues } from './api';
import { assertProgram, compileArguments } from './client';
import type { Flags } from './compile-options';
import { type ProgramMemory, readMemory, readOptimized } from './executable';
import type { Plugin } from './plugin';
import { type Operation, readOperations } from './program-operations';

/**
 * Compiling for a GPU that is not there: NVIDIA's plug-in carries the descriptions of the cards, and needs of CUDA only
 * ptxas and libdevice. What comes out proves that a program compiles and how much memory it takes; it was tuned on no card,
 * so it is not to be run.
 */

/** As the descriptions in the plug-in name them. */
const CARDS = {
  'a100-40': 'NVIDIA A100-SXM4-40GB',
  'a100-80': 'NVIDIA A100-SXM4-80GB',
  h100: 'NVIDIA H100 80GB HBM3',
  h200: 'NVIDIA H200 141GB HBM3e',
  b200: 'NVIDIA B200',
} as const;

export type Card = keyof typeof CARDS;
export const CARD_NAMES = Object.keys(CARDS) as readonly Card[];

/** For every compilation for NVIDIA. */
export const GPU_FLAGS: Flags = {
  // The merger joins each base weight with LoRA's A into one product and copies the weights for it in every step.
  xla_gpu_dot_merger_threshold_mb: 0,
};

/** For a card that is not there, beside GPU_FLAGS. */
const AHEAD_FLAGS: Flags = {
  // Triton's products are fast only when tuned on the card; cuBLASLt's need no tuning.
  xla_gpu_enable_triton_gemm: false,
};

export interface AheadSettings {
  readonly card: Card;
  /** Cards that share the program by its Shardy annotations. */
  readonly count?: number;
  readonly flags?: Flags;
  /** Where ptxas and libdevice lie (`FoundPlugin.cudaDataDir`); the plug-in looks beside itself where nothing is said. */
  readonly cudaDataDir?: string;
}

export interface CompiledAhead {
  /** Bytes on each card. */
  readonly memory: ProgramMemory;
  /** Of the card; a program whose peak is larger compiles all the same. */
  readonly cardBytes: number;
  readonly operations: readonly Operation[];
  readonly seconds: number;
}

/**
 * @param plugin NVIDIA's; no driver is needed
 * @param mlirText a StableHLO module whose function is `@main`
 */
export async function compileAhead(
  plugin: Plugin,
  mlirText: string,
  { card, count = 1, flags = {}, cudaDataDir }: AheadSettings,
): Promise<CompiledAhead> {
  const { text, bytes } = describeCard(plugin.file, card);
  assertProgram(mlirText, count, count);
  const { api } = plugin;
  // Partitions, hosts, devices of a host.
  const create_options = namedValues({ target_config: text, topology: `1x1x${count}` });
  const name = Buffer.from(card);
  const made = api.call('TopologyDescription_Create', {
    topology_name: name,
    topology_name_size: name.length,
    create_options,
    num_options: 2,
  });
  const topology = made.pointer('topology');
  try {
    const all = {
      ...GPU_FLAGS,
      ...AHEAD_FLAGS,
      ...(cudaDataDir ? { xla_gpu_cuda_data_dir: cudaDataDir } : {}),
      ...flags,
    };
    const began = performance.now();
    const compiled = await api.callAside('Compile', { topology, ...compileArguments(mlirText, count, all) });
    const seconds = (performance.now() - began) / 1000;
    const executable = compiled.pointer('executable');
    try {
      const { code, format } = readOptimized(api, executable);
      const operations = readOperations(code, format === 'hlo_with_config');
      return { memory: readMemory(api, executable), cardBytes: bytes, operations, seconds };
    } finally {
      api.call('Executable_Destroy', { executable });
    }
  } finally {
    api.call('TopologyDescription_Destroy', { topology });
  }
}

const described = new Map<string, readonly string[]>();

/** The text proto of a card, out of the plug-in's library. */
function describeCard(file: string, card: Card): { readonly text: string; readonly bytes: number } {
  const wanted: string | undefined = Object.hasOwn(CARDS, card) ? CARDS[card] : undefined;
  if (!wanted) throw new Error(`xla: unknown card "${card}"; use one of ${CARD_NAMES.join(', ')}`);
  const texts = described.get(file) ?? findDescriptions(file);
  described.set(file, texts);
  const text = texts.find((t) => t.includes(`device_description_str: "${wanted}"`));
  const bytes = Number(/device_memory_size: (\d+)/.exec(text ?? '')?.[1]);
  if (text && bytes > 0) return { text, bytes };
  throw new Error(
    `xla: ${file} has no description of "${wanted}" (it has ${texts.length} cards); compiling ahead needs NVIDIA’s ` +
      'plug-in: type `med42 xla install cuda13 --compile-only`',
  );
}

const MARK = 'gpu_device_info {';
const CHUNK = 64 * 1024 * 1024;
/** More than a description is long: a chunk begins so far before the end of the one before. */
const OVERLAP = 64 * 1024;

/** Texts in a library that hold the mark, from their first printable character to their last. */
function findDescriptions(file: string): readonly string[] {
  const { size } = statSync(file);
  const handle = openSync(file, 'r');
  const found = new Map<number, string>();
  try {
    const chunk = Buffer.alloc(Math.min(size, CHUNK));
    for (let from = 0; from < size; from += CHUNK - OVERLAP) {
      const part = chunk.subarray(0, readSync(handle, chunk, 0, chunk.length, from));
      for (let at = part.indexOf(MARK); at >= 0; at = part.indexOf(MARK, at + 1)) {
        let [start, end] = [at, at];
        while (start > 0 && isPrintable(part[start - 1]!)) start--;
        while (end < part.length && isPrintable(part[end]!)) end++;
        const text = part.toString('latin1', start, end);
        // Of a text that two chunks hold, one holds it whole.
        if (text.length > (found.get(from + at)?.length ?? 0)) found.set(from + at, text);
      }
    }
  } finally {
    closeSync(handle);
  }
  return [...found.values()];
}

const isPrintable = (byte: number): boolean => (byte >= 32 && byte < 127) || byte === 9 || byte === 10;
