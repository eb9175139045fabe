import * as v from 'valibot';
import { count, looseFields, parseFields, range, record, shown, text as textField } from '../schema';
import type { GroupResult } from './groups';
import { harnessName } from './harness-documents';
import { type HarnessSample, harnessTaskHash } from './harness-samples';
import type { TaskResult } from './item-result';
import { taskNamed } from './tasks/tasks';

/** The harness whose files these are like: what its tools need is there; what only it can know is not. */
const HARNESS_VERSION = '0.4.13';
/** Of the part `workbook` of a results file. */
const FORMAT = 1;

/** Who scored in the workbook's place, and what was asked of it since this start. */
export interface ScoringServer {
  /** Its address, which holds no key. */
  readonly url: string;
  /** Folder or Hub id of the tokenizer, without this machine's folders. */
  readonly tokenizer: string;
  /** What the first items' tokens were compared by. */
  readonly tokenizerChecked: 'ids' | 'texts';
  readonly atOnce: number;
  readonly requests: number;
  readonly promptTokens: number;
  /** Requests that were asked once more. */
  readonly retried: number;
}

/** What a results file says beside the numbers. */
export interface ScoredWith {
  /** The model's name, without this machine's folders. */
  readonly model: string;
  readonly adapter: string | null;
  /** Who trained it, where another trainer's file in its folder says so. */
  readonly trainer?: string | undefined;
  /** Null behind a server, which does not say. */
  readonly device: string | null;
  /** The server that scored; absent where the workbook itself did. */
  readonly server?: ScoringServer;
  readonly maxLength: number;
  readonly bosId: number | undefined;
  readonly eosId: number;
  readonly limit: number | null;
  /** Items that could not be scored, by task: an answer longer than the model's context. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** UNIX seconds. */
  readonly date: number;
  readonly seconds: number;
  /** Says which weights, items and options these are. */
  readonly identity: string;
}

/**
 * Results as the harness's `results_DATE.json`. What it has no field for (form, interval, averages, ties, truncation,
 * seams) stands under `workbook`, which its tools pass over.
 *
 * @param samples of each task, by its harness name
 * Source: lm_eval/result_schema.py, loggers/evaluation_tracker.py.
 */
export function harnessResults(
  tasks: readonly TaskResult[],
  groups: readonly GroupResult[],
  samples: Readonly<Record<string, readonly HarnessSample[]>>,
  by: ScoredWith,
): Record<string, unknown> {
  const each = <T>(value: (task: TaskResult) => T) =>
    Object.fromEntries(tasks.map((task) => [harnessName({ name: task.task, variant: task.variant }), value(task)]));
  const metrics = (task: TaskResult) => ['acc', ...(task.accNorm ? ['acc_norm'] : [])];
  return {
    results: each((task) => {
      const name = harnessName({ name: task.task, variant: task.variant });
      const { acc, accNorm } = task;
      const norm = accNorm ? { 'acc_norm,none': accNorm.value, 'acc_norm_stderr,none': accNorm.stderr ?? 'N/A' } : {};
      const accs = { 'acc,none': acc.value, 'acc_stderr,none': acc.stderr ?? 'N/A', ...norm };
      return { name, alias: name, sample_len: task.n, ...accs };
    }),
    group_subtasks: {},
    configs: each((task) => taskConfig(task, metrics(task))),
    versions: each(({ version }) => (Number.isNaN(Number(version)) ? version : Number(version))),
    'n-shot': each(() => 0),
    higher_is_better: each((task) => Object.fromEntries(metrics(task).map((metric) => [metric, true]))),
    'n-samples': each((task) => ({
      original: task.available + (by.leftOut[task.task] ?? 0),
      effective: task.n,
    })),
    config: {
      // The harness's own name for a completions endpoint.
      model: by.server ? 'local-completions' : 'med42-workbook',
      model_args: modelArgs(by),
      model_dtype: by.server ? null : 'float32',
      batch_size: null,
      batch_sizes: [],
      device: by.device,
      use_cache: null,
      limit: by.limit,
      bootstrap_iters: 0,
      gen_kwargs: null,
    },
    date: by.date,
    tokenizer_bos_token: ['', String(by.bosId ?? '')],
    tokenizer_eos_token: ['', String(by.eosId)],
    eot_token_id: by.eosId,
    max_length: by.maxLength,
    task_hashes: Object.fromEntries(Object.entries(samples).map(([name, of]) => [name, harnessTaskHash(of)])),
    model_source: by.server ? 'local-completions' : 'med42-workbook',
    model_name: by.adapter ?? by.model,
    model_name_sanitized: sanitizedModelName(by.adapter ?? by.model),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: false,
    chat_template: null,
    chat_template_sha: null,
    total_evaluation_time_seconds: String(by.seconds),
    workbook: {
      format: FORMAT,
      harnessFormat: HARNESS_VERSION,
      identity: by.identity,
      ...(by.trainer === undefined ? {} : { trainer: by.trainer }),
      leftOut: by.leftOut,
      ...(by.server ? { server: by.server } : {}),
      tasks,
      groups,
    },
  };
}

const modelArgs = ({ model, adapter, server }: ScoredWith): string =>
  server
    ? `model=${model},base_url=${server.url}/completions,tokenizer=${server.tokenizer},num_concurrent=${server.atOnce}`
    : `pretrained=${model}${adapter === null ? '' : `,peft=${adapter}`}`;

/** The task as the harness shows one; prompts are functions here, so their place stands for them. */
function taskConfig({ task, variant, version }: TaskResult, metrics: readonly string[]): Record<string, unknown> {
  const { source, targetDelimiter } = taskNamed(task, variant);
  return {
    task: harnessName({ name: task, variant }),
    output_type: 'multiple_choice',
    doc_to_text: `${task}, variant ${variant} (${source})`,
    target_delimiter: targetDelimiter,
    num_fewshot: 0,
    metric_list: metrics.map((metric) => ({ metric, aggregation: 'mean', higher_is_better: true })),
    repeats: 1,
    metadata: { version },
  };
}

/** Source: lm_eval/utils.py, sanitize_model_name. */
export const sanitizedModelName = (name: string): string => name.replace(/["<>:/|\\?*[\]]+/g, '__');

/** `2026-11-21T09-37-11.886`, as in the names of the harness's files. */
export const fileDate = (date: Date): string => date.toISOString().replace('Z', '').replaceAll(':', '-');

/** A task's numbers in a results file. */
export interface ReadTask {
  readonly acc: number;
  /** Null for a single item. */
  readonly accStderr: number | null;
  readonly accNorm: number | null;
  readonly accNormStderr: number | null;
  readonly n: number;
  readonly version: string;
}

export interface ReadResults {
  readonly model: string;
  readonly tasks: Readonly<Record<string, ReadTask>>;
  readonly taskHashes: Readonly<Record<string, string>>;
  /** Whose file it is: the harness's version, or ours. */
  readonly writtenBy: string;
}

/**
 * A results file of lm-evaluation-harness 0.4 or of this workbook; tasks without `acc` are passed over.
 *
 * @param name how errors call the file
 * @throws naming the file, when it is of another version or of no such file
 */
export function readHarnessResults(text: string, name: string): ReadResults {
  const remedy = `give a results_*.json of lm-evaluation-harness 0.4 (read: ${HARNESS_VERSION}) or of this workbook`;
  const refuse = (what: string): never => {
    throw new Error(`harness files: ${name} ${what}; ${remedy}`);
  };
  const raw = parseFields(RESULTS, text, `harness files: ${name}`, remedy);
  const { workbook, lm_eval_version: version, results } = raw;
  if (workbook && workbook.format !== FORMAT) {
    refuse(`is of this workbook's format ${shown(workbook.format)}, read is ${FORMAT}`);
  }
  if (!workbook && !/^0\.4\.\d+/.test(version ?? '')) {
    refuse(typeof version !== 'string' ? 'names no lm_eval_version' : `was written by lm_eval ${version}`);
  }
  if (!results) refuse('has no "results"');
  const tasks: Record<string, ReadTask> = {};
  for (const [task, values] of Object.entries(results!)) {
    const acc = values['acc,none'];
    if (typeof acc !== 'number') continue;
    const number = (key: string) => (typeof values[key] === 'number' ? (values[key] as number) : null);
    tasks[task] = {
      acc,
      accStderr: number('acc_stderr,none'),
      accNorm: number('acc_norm,none'),
      accNormStderr: number('acc_norm_stderr,none'),
      n: raw['n-samples']?.[task]?.effective ?? 0,
      version: String(raw.versions?.[task] ?? ''),
    };
  }
  return {
    model: raw.model_name ?? '',
    tasks,
    taskHashes: raw.task_hashes ?? {},
    writtenBy: !workbook ? `lm_eval ${version}` : 'med42-workbook',
  };
}

const RESULTS = looseFields({
  workbook: looseFields({}, { format: v.unknown() }),
  lm_eval_version: textField,
  results: record(looseFields({ 'acc,none': range(0, 1), 'acc_norm,none': range(0, 1) }), 'an object of tasks'),
  versions: record(v.union([v.string(), v.number(), v.null()], 'a version'), 'an object of versions'),
  'n-samples': record(looseFields({ effective: count }), 'an object of counts'),
  model_name: textField,
  task_hashes: record(textField, 'an object of hashes'),
});
