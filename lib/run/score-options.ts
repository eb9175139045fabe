import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ReadOptions } from '../data/examples';
import { modelFolderOf } from '../data/sources/model';
import type { DeviceName } from '../engine/device';
import { DEVICE_HELP, PLUGIN_HELP } from '../engine/device-names';
import type { BosPolicy } from '../eval/encode-request';
import { TASK_VARIANTS, type TaskVariant } from '../eval/tasks/definition';
import { requireSeed } from '../random';
import { newCommand, readArguments } from './arguments';
import { nameOfModel } from './folder-name';
import { DATA_FORMS, type RowArguments, rowOptions, withRowOptions } from './row-options';
import { type ServerArguments, type ServerSettings, serverRun, withServerOptions } from './server-options';

export interface ScoreCommand {
  /** A folder; with `server`, the name under which it serves the model. */
  readonly model: string;
  readonly server?: ServerSettings;
  readonly adapter: string | null;
  readonly data: string;
  /** How rows are read. */
  readonly rows: ReadOptions;
  readonly tasks: readonly string[];
  readonly variant: TaskVariant;
  readonly bos: BosPolicy;
  readonly limit: number | null;
  readonly seed: number;
  readonly out: string;
  readonly device: DeviceName;
  /** Of `xla` devices: the plug-in's file. */
  readonly plugin?: string;
  /** An item's id or a task: print its requests, score nothing. */
  readonly showRequests: string | null;
}

/** The command line of `med42 score`. */
const command = (): Command =>
  withServerOptions(
    withRowOptions(
      newCommand(
        'score',
        'Scores a Llama zero-shot. Writes FOLDER/MODEL/results_DATE.json and samples_TASK_DATE.jsonl as ' +
          'lm-evaluation-harness does. The same command carries an interrupted run on.',
      ),
    ),
  )
    .addHelpText(
      'after',
      [
        '',
        'Columns of the table:',
        '  n         items',
        '  acc       their share answered right, in %, with its 95% interval',
        '  chance    what guessing gets',
        '  acc_norm  as acc, with choices compared by likelihood a character',
        '  ties      items whose best choices were equally likely; the first is taken',
        '  cut       items longer than the model’s context, whose beginning is dropped',
        '  seams     requests whose context and answer share a token',
      ].join('\n'),
    )
    .option(
      '--model <folder>',
      'a Llama in a Hugging Face folder, or the Hub id of one that `med42 fetch` brought  (default: the bundled base)',
    )
    .option('--adapter <folder>', 'a PEFT LoRA adapter for that model')
    .option('--data <folder>', `items in FOLDER/eval: ${DATA_FORMS}  (default: the bundled miniature)`)
    .option('--tasks <names>', 'tasks, mmlu, usmle or all, by commas', 'all')
    .option(
      '--variant <name>',
      `${TASK_VARIANTS.join(' | ')}: today's prompts, those of earlier years, whole answers in place of letters, or Med42's template  (default: present)`,
    )
    .option('--bos', 'the tokenizer’s own BOS before each text, as the harness since 0.4.9.2')
    .option('--limit <n>', 'a sample of N items a task')
    .option('--seed <n>', 'of the sample  (default: 0)')
    .option(
      '--out <folder>',
      'where results go  (default: results/score/DATA/MODEL, and the adapter’s and the variant’s name where there is one)',
    )
    .option('--device <name>', DEVICE_HELP, 'cpu')
    .option('--plugin <file>', PLUGIN_HELP)
    .option('--show-requests <x>', 'prints what is asked for an item (its id) or a task, as JSON lines, and ends');

interface Given extends RowArguments, ServerArguments {
  readonly model?: string;
  readonly adapter?: string;
  readonly data?: string;
  readonly tasks: string;
  readonly variant?: string;
  readonly bos: boolean;
  readonly limit?: string;
  readonly seed?: string;
  readonly out?: string;
  readonly device: string;
  readonly plugin?: string;
  readonly showRequests?: string;
}

/**
 * @param root the workbook's folder
 * @param cwd what relative paths are relative to
 * @throws naming the option that is wrong and what it takes
 */
export function parseScoreOptions(args: readonly string[], root: string, cwd: string): ScoreCommand {
  const { options: values } = readArguments<Given>(command(), args);
  const limit = values.limit === undefined ? null : Number(values.limit);
  if (limit !== null && (!Number.isSafeInteger(limit) || limit < 1)) {
    throw refusal(`--limit must be a whole number of 1 or more, got "${values.limit}"`);
  }
  const run = serverRun(values, cwd, refusal);
  const variant = (values.variant ?? run?.variant ?? 'present') as TaskVariant;
  if (!TASK_VARIANTS.includes(variant)) {
    throw refusal(`--variant must be one of ${TASK_VARIANTS.join(', ')}, got "${variant}"`);
  }
  const bundled = resolve(root, 'data', 'miniature');
  const model = run ? run.model : values.model ? modelFolderOf(values.model, cwd) : resolve(bundled, 'base');
  const adapter = values.adapter ? resolve(cwd, values.adapter) : null;
  const data = values.data ? resolve(cwd, values.data) : bundled;
  return {
    model,
    ...(run ? { server: run.server } : {}),
    adapter,
    data,
    rows: rowOptions(values, refusal),
    tasks: values.tasks.split(',').map((name) => name.trim()),
    variant,
    bos: values.bos ? 'tokenizer' : 'never',
    limit,
    seed: requireSeed(values.seed ?? 0, (must) => refusal(`--seed ${must}`)),
    out: values.out
      ? resolve(cwd, values.out)
      : resolve(root, 'results', 'score', basename(data), resultName(model, adapter, variant)),
    device: values.device as DeviceName,
    ...(values.plugin === undefined ? {} : { plugin: resolve(cwd, values.plugin) }),
    showRequests: values.showRequests ?? null,
  };
}

/** So that a base, its adapters and the variants do not lie in one folder: 'base', 'base+train-lora-continuation'. */
function resultName(model: string, adapter: string | null, variant: TaskVariant): string {
  const names = [nameOfModel(model), ...(adapter === null ? [] : [nameOfModel(adapter)])];
  return names.join('+') + (variant === 'present' ? '' : `-${variant}`);
}

const refusal = (what: string): Error => new Error(`score: ${what}; --help lists the options`);
