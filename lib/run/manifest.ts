import type { TrainConfig } from '../config';
import type { PackingReport } from '../data/packing/report';
import type { TaskResult } from '../eval/score';
import { WORKBOOK_ROOT } from '../files';
import { type TaggedConfig, taggedConfig } from '../paper/hyper-parameters';
import { assumptionsOf } from '../report/assumptions';
import { type Environment, environment } from './environment';
import { withoutPaths } from './without-paths';

/** Something with a name that its content's hash pins down. */
export interface Hashed {
  readonly name: string;
  readonly sha256: string;
}

/** One file a run read. */
export interface DataFile {
  /** Inside the data folder. */
  readonly name: string;
  readonly sha256: string;
  /** As they were read, whatever the file's form. */
  readonly rows: number;
}

/** All that differs between two runs of one thing. */
export interface Timings {
  /** ISO 8601. */
  readonly startedAt?: string;
  /** Wall time of each stage. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Models that were made side by side. */
  readonly atOnce?: number;
  /** Default: the process's peak so far. */
  readonly peakMemoryBytes?: number;
}

export interface ManifestInput {
  /** 'cpu', 'webgpu', or a card's name. */
  readonly device: string;
  readonly dtype: string;
  /** Of the engine; null: its own choice. */
  readonly threads: number | null;
  /** For what ('init', 'shuffle', 'dropout', 'bootstrap'), and the seed. */
  readonly seeds: Readonly<Record<string, number>>;
  readonly dataFiles: readonly DataFile[];
  readonly model: Hashed & { readonly config: Readonly<Record<string, unknown>> };
  readonly tokenizer: Hashed;
  readonly template: Hashed;
  readonly packing: Pick<PackingReport, 'packing' | 'maxSeqLen' | 'chunks' | 'tokens' | 'lossTokens' | 'sha256'> | null;
  readonly tasks: readonly Pick<TaskResult, 'task' | 'variant' | 'version' | 'bos' | 'n' | 'seed' | 'requestHash'>[];
  readonly training: readonly TrainConfig[];
  readonly timings: Timings;
  /** The workbook's folder; default: where this file lies. */
  readonly root?: string;
}

export interface Manifest extends Omit<ManifestInput, 'seeds' | 'training' | 'root' | 'packing'> {
  readonly paper: { readonly id: string; readonly title: string; readonly reproduces: string };
  readonly environment: Environment;
  readonly seeds: { readonly generator: 'xoroshiro128plus'; readonly values: Readonly<Record<string, number>> };
  readonly packing: (Omit<Hashed, 'name'> & Omit<NonNullable<ManifestInput['packing']>, 'sha256'>) | null;
  readonly training: readonly TaggedConfig[];
  readonly assumptions: readonly string[];
}

const PAPER = {
  id: 'arXiv:2404.14779',
  title:
    'Med42 - Evaluating Fine-Tuning Strategies for Medical LLMs: Full-Parameter vs. Parameter-Efficient Approaches',
  reproduces: 'table 1, columns PE-FT and FP-FT; tables A1 to A3',
} as const;

/**
 * What a result rests on, to be written beside it as JSON: everything to run it again and nothing about who ran it.
 * No absolute path is in it: where one was given, its last part stands. Two manifests of one run on one machine are
 * equal apart from `timings`.
 *
 * @param input what the run knows; `environment` is looked up
 */
export async function manifest({ root = WORKBOOK_ROOT, ...input }: ManifestInput): Promise<Manifest> {
  const { packing } = input;
  const written: Manifest = {
    paper: PAPER,
    environment: await environment(root),
    device: input.device,
    dtype: input.dtype,
    threads: input.threads,
    seeds: { generator: 'xoroshiro128plus', values: input.seeds },
    dataFiles: input.dataFiles.map(({ name, sha256, rows }) => ({ name, sha256, rows })),
    model: input.model,
    tokenizer: input.tokenizer,
    template: input.template,
    packing: packing && {
      packing: packing.packing,
      maxSeqLen: packing.maxSeqLen,
      chunks: packing.chunks,
      tokens: packing.tokens,
      lossTokens: packing.lossTokens,
      sha256: packing.sha256,
    },
    tasks: input.tasks.map(({ task, variant, version, bos, n, seed, requestHash }) => {
      return { task, variant, version, bos, n, seed, requestHash };
    }),
    training: input.training.map(taggedConfig),
    assumptions: assumptionsOf(packing?.packing),
    timings: { peakMemoryBytes: process.resourceUsage().maxRSS * 1024, ...input.timings },
  };
  return withoutPaths(written);
}

/** The manifest as the file's text. */
export function manifestToJson(written: Manifest): string {
  return `${JSON.stringify(written, null, 2)}\n`;
}
