import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { parseJsonObject, readSmallFile } from '../json-file';
import type { TrainExample } from './rows';

/** A turn, as chat templates take it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A model's own chat template. */
export interface ChatTemplate {
  /** As the folder has it, in Jinja. */
  readonly source: string;
  /** @param prompting the text ends where the assistant is to begin */
  render(messages: readonly Message[], prompting: boolean): string;
}

/** A rendered conversation, and which stretches of it are learnt: [from, to) in UTF-16 units. */
export interface Rendering {
  readonly text: string;
  readonly learnt: readonly (readonly [number, number])[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The chat template of a Hugging Face folder: `chat_template.jinja`, else `chat_template` of tokenizer_config.json.
 *
 * @returns undefined where the folder has none
 * @throws when the template is not one that Jinja reads
 */
async function openChatTemplate(folder: string): Promise<ChatTemplate | undefined> {
  const read = async (name: string) => {
    const bytes = await readSmallFile(join(folder, name), 'chat template').catch((error: NodeJS.ErrnoException) => {
      if (error.code === undefined) throw error;
    });
    return bytes?.toString('utf8');
  };
  const path = join(folder, 'tokenizer_config.json');
  const config: Json = parseJsonObject((await read('tokenizer_config.json')) ?? '{}', path, 'chat template');
  const own = await read('chat_template.jinja');
  const source = own ?? named(config.chat_template, path);
  if (source === undefined) return undefined;
  const file = join(folder, own === undefined ? 'tokenizer_config.json' : 'chat_template.jinja');
  const attempt = <Result>(what: string, action: () => Result): Result => {
    try {
      return action();
    } catch (error) {
      throw new Error(`chat template: ${file} ${what} (${(error as Error).message}); use --template med42 or none`, {
        cause: error,
      });
    }
  };
  const template = attempt('is not a template that @huggingface/jinja reads', () => new Template(source));
  const tokens = Object.fromEntries(
    ['bos_token', 'eos_token', 'unk_token', 'pad_token'].flatMap((name) => {
      const text = tokenText(config[name]);
      return text === undefined ? [] : [[name, text]];
    }),
  );
  return {
    source,
    render: (messages, prompting) =>
      attempt('refuses a conversation', () =>
        template.render({ ...tokens, messages, add_generation_prompt: prompting }),
      ),
  };
}

/** @throws when the folder has no chat template */
export async function requireChatTemplate(folder: string): Promise<ChatTemplate> {
  const template = await openChatTemplate(folder);
  if (template) return template;
  throw new Error(
    `chat template: ${folder} has none (chat_template.jinja, or "chat_template" in tokenizer_config.json); ` +
      'use --template med42 or none',
  );
}

/**
 * The one template, or the default one of several.
 *
 * @throws naming them, where none is the default
 * Source: transformers, PreTrainedTokenizerBase.get_chat_template
 */
function named(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const all = value as readonly { readonly name?: unknown; readonly template?: unknown }[];
  const found = all.find(({ name }) => name === 'default')?.template;
  if (typeof found === 'string') return found;
  const names = all.map(({ name }) => String(name)).join(', ');
  throw new Error(
    `chat template: ${path} has several ("${names}") of which none is called "default"; save the one that is meant as ` +
      'chat_template.jinja beside it, or use --template med42 or none',
  );
}

function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as { readonly content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
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

/**
 * A conversation in the model's template. Of each assistant's turn all is learnt that the template adds to the text
 * that asks for it: the answer, and what ends it.
 *
 * @throws when the template changes earlier turns as later ones come, so that what it adds cannot be told
 * Source: TRL, prompt and completion of conversational data, turn after turn.
 */
export function renderChat(messages: readonly Message[], template: ChatTemplate, id: string): Rendering {
  let text = '';
  const learnt: [number, number][] = [];
  for (const [i, { role }] of messages.entries()) {
    if (role !== 'assistant') continue;
    const asked = template.render(messages.slice(0, i), true);
    const answered = template.render(messages.slice(0, i + 1), false);
    if (!asked.startsWith(text) || !answered.startsWith(asked)) {
      throw new Error(
        `chat template: example "${id}": the model's chat template must only add to a conversation as it goes on, and ` +
          `changes what came before turn ${i + 1}; use --template med42, or rows of one exchange`,
      );
    }
    learnt.push([asked.length, answered.length]);
    text = answered;
  }
  return { text, learnt };
}
