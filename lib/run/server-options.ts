import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { modelFolderOf } from '../data/sources/model';
import type { TaskVariant } from '../eval/tasks/definition';

/** What scoring through a server needs beside the model's name. */
export interface ServerSettings {
  /** As given on the command line. */
  readonly url: string;
  /** A folder with tokenizer.json, of the served model or of another with the same tokenizer. */
  readonly tokenizer: string;
  /** Requests under way at the same time. */
  readonly atOnce: number;
  /** Tokens that the model reads at most; null: as config.json and the server say. */
  readonly maxLength: number | null;
}

/** A released model with what is known of how it is asked; options on the command line win. */
interface ServerPreset {
  /** Its Hub id: what a server calls it by default, and where its tokenizer comes from. */
  readonly model: string;
  readonly variant: TaskVariant;
  readonly maxLength: number;
}

/**
 * - med42-70b: the paper's full-parameter fine-tune of Llama-2 70B as it was released. The template is its model card's,
 *   as is the context of 4k. Zero-shot and without BOS, as the harness of the paper's time; the paper does not say whether
 *   its prompts were put into the template: `--variant present` or `--variant 2023` asks without it.
 */
const SERVER_PRESETS: Readonly<Record<string, ServerPreset>> = {
  'med42-70b': { model: 'm42-health/med42-70b', variant: 'chat', maxLength: 4096 },
};

export interface ServerArguments {
  readonly server?: string;
  readonly preset?: string;
  readonly tokenizer?: string;
  readonly atOnce?: string;
  readonly maxLength?: string;
}

export const withServerOptions = (command: Command): Command =>
  command
    .option(
      '--server <url>',
      'scores through an OpenAI-compatible completions endpoint that gives log-probabilities of the prompt (vLLM); ' +
        '--model is then the name that it serves. The key is read from OPENAI_API_KEY',
    )
    .option('--preset <name>', `with --server, a released model: ${Object.keys(SERVER_PRESETS).join(' | ')}`)
    .option(
      '--tokenizer <folder>',
      'with --server, the served model’s tokenizer: a folder, or the Hub id of a model that `med42 fetch` brought  (default: --model)',
    )
    .option('--at-once <n>', 'with --server, requests under way at the same time  (default: 8)')
    .option(
      '--max-length <n>',
      'with --server, tokens that the model reads at most  (default: as config.json and server say)',
    );

interface ServerRun {
  readonly model: string;
  readonly variant: TaskVariant | undefined;
  readonly server: ServerSettings;
}

/**
 * What the server's options say; undefined without --server.
 *
 * @param cwd what relative paths are relative to
 * @throws naming the option that is wrong or lacks --server
 */
export function serverRun(
  given: ServerArguments & { readonly model?: string; readonly adapter?: string },
  cwd: string,
  refusal: (what: string) => Error,
): ServerRun | undefined {
  const { server: url, preset: name } = given;
  if (url === undefined) {
    const alone = (['preset', 'tokenizer', 'atOnce', 'maxLength'] as const).find(
      (option) => given[option] !== undefined,
    );
    if (alone) throw refusal(`--${alone.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} needs --server`);
    return undefined;
  }
  if (given.adapter !== undefined) {
    throw refusal(
      '--adapter is not for --server: have the server load the adapter, and give its name there with --model',
    );
  }
  const preset = name === undefined ? undefined : SERVER_PRESETS[name];
  if (name !== undefined && !preset) {
    throw refusal(`--preset must be one of ${Object.keys(SERVER_PRESETS).join(', ')}, got "${name}"`);
  }
  const model = given.model ?? preset?.model;
  if (model === undefined) throw refusal('--server needs --model, the name under which it serves the model');
  const whole = (option: 'at-once' | 'max-length', value: string | undefined, most: number): number | null => {
    if (value === undefined) return null;
    if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > most) {
      throw refusal(`--${option} must be a whole number from 1 to ${most}, got "${value}"`);
    }
    return Number(value);
  };
  return {
    model,
    variant: preset?.variant,
    server: {
      url,
      tokenizer: tokenizerFolder(given.tokenizer ?? preset?.model ?? model, cwd, refusal),
      atOnce: whole('at-once', given.atOnce, 1024) ?? 8,
      maxLength: whole('max-length', given.maxLength, 2 ** 31 - 1) ?? preset?.maxLength ?? null,
    },
  };
}

function tokenizerFolder(name: string, cwd: string, refusal: (what: string) => Error): string {
  let folder: string | undefined;
  try {
    folder = modelFolderOf(name, cwd);
  } catch {
    // A Hub id that was not fetched: the message below says what to do.
  }
  if (folder !== undefined && existsSync(folder)) return folder;
  throw refusal(
    `--server needs the served model's tokenizer, and ${JSON.stringify(name)} is neither a folder here nor a model that ` +
      '`med42 fetch --model ID` brought; give the folder of its tokenizer.json with --tokenizer',
  );
}
