import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseJsonObject, readTextIfThere } from '../../json-file';
import { shown } from '../../schema';
import { controlToken } from '../added-tokens';
import type { TrainExample } from '../rows';
import { openRenderer, RenderError } from './renderer';
import { type Conversation, LIMITS, type Message, type Rendering } from './rendering';

/** A model's own chat template. */
export interface ChatTemplate {
  /** As the folder has it, in Jinja, its lines ended by "\n". */
  readonly source: string;
  /** The control tokens that it may write: `bos_token` and so on. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Conversations in their order, each in the template.
   *
   * @param names for messages, one a conversation
   * @throws naming the file: when the template refuses a conversation, takes too long or too much memory, or changes
   * earlier turns as later ones come, or does not write what a turn says
   */
  render(conversations: readonly Conversation[], names?: readonly string[]): Promise<readonly Rendering[]>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The chat template of a Hugging Face folder: `chat_template.jinja`, else `chat_template` of tokenizer_config.json. Its
 * control tokens are those that the tokenizer's files name.
 *
 * @returns undefined where the folder has none
 * @throws naming file and field, when the template is not one that Jinja reads
 */
async function openChatTemplate(folder: string): Promise<ChatTemplate | undefined> {
  const read = (name: string) => readTextIfThere(join(folder, name), 'chat template');
  const path = join(folder, 'tokenizer_config.json');
  const config: Json = parseJsonObject((await read('tokenizer_config.json')) ?? '{}', path, 'chat template');
  const own = await read('chat_template.jinja');
  const given = own ?? named(config.chat_template, path);
  if (given === undefined) return undefined;
  // As Jinja reads it: a file that Git checked out on Windows is the same template.
  const source = given.replace(/\r\n?/g, '\n');
  const where = own === undefined ? `${path}: "chat_template"` : join(folder, 'chat_template.jinja');
  const mapPath = join(folder, 'special_tokens_map.json');
  const map: Json = parseJsonObject((await read('special_tokens_map.json')) ?? '{}', mapPath, 'chat template');
  const variables = Object.fromEntries(
    ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].flatMap((kind) => {
      const text = controlToken(kind, config, map);
      return text === undefined ? [] : [[`${kind}_token`, text]];
    }),
  );
  const renderer = openRenderer(source, variables);
  const render: ChatTemplate['render'] = (conversations, names = []) =>
    renderer.render(conversations).catch((error: unknown) => {
      if (!(error instanceof RenderError)) throw error;
      const hasSystem = conversations[error.failure.at]?.messages[0]?.role === 'system';
      throw new Error(`chat template: ${where} ${inWords(error, names, hasSystem)}`, { cause: error });
    });
  await render([]);
  return { source, variables, render };
}

/** What a template did, and what to do. */
function inWords(
  { failure: { at, kind }, message }: RenderError,
  names: readonly string[],
  hasSystem: boolean,
): string {
  const shown = JSON.stringify(message.slice(0, 300));
  const name = names[at];
  const whose = name === undefined ? '' : ` (example "${name}")`;
  const other = 'correct the template, or use --template med42 or none';
  switch (kind) {
    case 'turns':
      return (
        `must only add to a conversation as it goes on, and changes what came before turn ${message}${whose}; ` +
        'use --template med42 or none, or rows of one exchange'
      );
    case 'unmarked':
      return `must enclose what is learnt in its {% generation %} blocks, and encloses nothing of a conversation${whose}; ${other}`;
    case 'lost':
      return (
        'must write every question, and every answer where it is learnt; what the user or the assistant says in turn ' +
        `${message} of a conversation is not there${whose}; ${other}`
      );
    case 'error':
      return at < 0
        ? `is not a template that @huggingface/jinja reads (${shown}); ${other}`
        : `refuses a conversation (${shown})${whose}; ${hasSystem ? 'put its system prompt into the first question if the template takes none, ' : ''}${other}`;
    case 'length':
      return `must add at most ${LIMITS.added} characters to a conversation and ${LIMITS.times} times its own: ${message}${whose}; ${other}`;
    case 'time':
      return `must render conversations within ${message}, and took longer${whose}; ${other}`;
    case 'ended':
      return `must render conversations in ${LIMITS.memory} MiB of memory: its process was ended (${message}); ${other}`;
  }
}

/**
 * @param adapter a folder whose own template, where it has one, comes before the model's: trainers save it there
 * @throws when there is no chat template
 */
export async function requireChatTemplate(folder: string, adapter?: string): Promise<ChatTemplate> {
  const own = adapter === undefined ? undefined : await openChatTemplate(adapter);
  const template = own ?? (await openChatTemplate(folder));
  if (template) return template;
  throw new Error(
    `chat template: ${folder} has none (chat_template.jinja, or "chat_template" in tokenizer_config.json)` +
      `${await elsewhere(folder)}; use --template med42 or none`,
  );
}

/** What is to be done with templates that lie in files which are not read; empty where there are none. */
async function elsewhere(folder: string): Promise<string> {
  const names = await readdir(join(folder, 'additional_chat_templates')).catch(() => []);
  const others = names.filter((name) => name.endsWith('.jinja')).map((name) => `additional_chat_templates/${name}`);
  if (others.length > 0) return `: copy the one that is meant of ${others.sort().join(', ')} to chat_template.jinja`;
  const isProcessors = (await readTextIfThere(join(folder, 'chat_template.json'), 'chat template')) !== undefined;
  return isProcessors ? ': write the "chat_template" of its chat_template.json as chat_template.jinja' : '';
}

/**
 * The template, or the default one of several.
 *
 * @throws naming the field, where it is of neither form, and the templates, where none is the default
 * Source: transformers, PreTrainedTokenizerBase.get_chat_template
 */
function named(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  const isRecord = v.is(v.record(v.string(), v.string()), value) && !Array.isArray(value);
  const entries = isRecord ? Object.entries(value).map(([name, template]) => ({ name, template })) : value;
  const all = v.safeParse(v.array(v.looseObject({ name: v.string(), template: v.string() })), entries);
  if (all.success) {
    const found = all.output.find(({ name }) => name === 'default');
    if (found || all.output.length === 0) return found?.template;
    throw new Error(
      `chat template: ${path} has several ("${all.output.map(({ name }) => name).join(', ')}") of which none is called ` +
        '"default"; save the one that is meant as chat_template.jinja beside it, or use --template med42 or none',
    );
  }
  throw new Error(
    `chat template: ${path}: "chat_template" must be a text, or several by name (an object of texts, or a list of ` +
      `objects with "name" and "template"), got ${shown(value)}; correct it, or use --template med42 or none`,
  );
}

/** An example's turns, the last response among them. */
export function messagesOf({
  system,
  history = [],
  prompt,
  response,
}: Pick<TrainExample, 'system' | 'history' | 'prompt' | 'response'>): Message[] {
  return [
    ...(system === undefined ? [] : [{ role: 'system', content: system } as const]),
    ...[...history, { prompt, response }].flatMap((exchange): Message[] => [
      { role: 'user', content: exchange.prompt },
      { role: 'assistant', content: exchange.response },
    ]),
  ];
}
