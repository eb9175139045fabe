import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { promptParts } from './template';
import type { Tokenizer } from './tokenizer';

/** How a conversation becomes what a model reads: Med42's template, the tokenizer's own, or the bare texts. */
export const TEMPLATE_NAMES = ['med42', 'model', 'none'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The token ids of a conversation, up to where the next answer begins. */
export type EncodeConversation = (messages: readonly Message[]) => Promise<number[]>;

/**
 * @param folder of the model, for its own template
 * @throws when the folder has no chat template and it is asked for
 */
export async function conversationEncoder(
  name: TemplateName,
  folder: string,
  tokenizer: Tokenizer,
): Promise<EncodeConversation> {
  if (name === 'model') return modelEncoder(await readChatTemplate(folder), folder, tokenizer);
  const render = name === 'med42' ? renderMed42 : renderBare;
  return (messages) => tokenizer.encode(render(messages), { addSpecialTokens: true });
}

/** The system prompt once, then each question between its tags, and each answer as it is. One question: `renderPrompt`. */
export function renderMed42(messages: readonly Message[]): string {
  const system = messages.find(({ role }) => role === 'system')?.content;
  const text = messages.map(({ role, content }, i) => {
    if (role === 'system') return '';
    if (role === 'assistant') return content;
    const parts = promptParts({ prompt: content, ...(system === undefined ? {} : { system }) });
    const isFirst = !messages.slice(0, i).some((earlier) => earlier.role === 'user');
    // Tag and system prompt are the first two parts.
    return (isFirst ? parts : parts.slice(2)).map((part) => part.text).join('');
  });
  return text.join('');
}

const renderBare = (messages: readonly Message[]): string => messages.map(({ content }) => content).join('\n');

/**
 * Source: transformers utils/chat_template_utils.py and tokenization_utils_base.py: chat_template.jinja goes before
 * tokenizer_config.json's `chat_template`, of several the one named "default".
 */
async function readChatTemplate(folder: string): Promise<{ source: string; file: string; names: object }> {
  const own = join(folder, 'chat_template.jinja');
  const file = join(folder, 'tokenizer_config.json');
  const config = existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : {};
  const nameOf = (value: unknown) =>
    typeof value === 'string' ? value : (value as { content?: string } | null | undefined)?.content;
  const names = Object.fromEntries(
    ['bos_token', 'eos_token', 'unk_token', 'pad_token']
      .map((key) => [key, nameOf(config[key])])
      .filter(([, value]) => value !== undefined),
  );
  if (existsSync(own)) return { source: await readFile(own, 'utf8'), file: own, names };
  const given = config.chat_template;
  const source = Array.isArray(given) ? given.find((one) => one.name === 'default')?.template : given;
  if (typeof source !== 'string') {
    throw new Error(
      `chat template: ${folder} has none (chat_template.jinja, or "chat_template" in tokenizer_config.json); ` +
        'use --template med42 or none',
    );
  }
  return { source, file, names };
}

function modelEncoder(
  { source, file, names }: { readonly source: string; readonly file: string; readonly names: object },
  folder: string,
  tokenizer: Tokenizer,
): EncodeConversation {
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
  const controls = tokenizer.controlTexts;
  return async (messages) => {
    // What a person types is text, whatever it spells: a control token's spelling is hidden from the template.
    const hidden = messages.map(({ role, content }) => ({ role, content: hide(content, controls) }));
    const text = attempt(`refuses a conversation of ${messages.length} messages for ${folder}`, () =>
      template.render({ messages: hidden, add_generation_prompt: true, ...names }),
    );
    if (hidden.every(({ content }, i) => content === messages[i]!.content)) return tokenizer.encodeTemplate(text);
    const ids: number[] = [];
    for (const piece of splitAt(text, controls)) {
      if (controls.includes(piece)) ids.push(...(await tokenizer.encodeTemplate(piece)));
      else ids.push(...(await tokenizer.encode(reveal(piece, controls), { addSpecialTokens: false })));
    }
    return ids;
  };
}

/** Private-use characters around a control token's number stand for its spelling. */
const hide = (text: string, controls: readonly string[]): string =>
  splitAt(text, controls)
    .map((piece) => (controls.includes(piece) ? `\uE000${controls.indexOf(piece)}\uE001` : piece))
    .join('');
const reveal = (text: string, controls: readonly string[]): string =>
  text.replace(/\uE000(\d+)\uE001/g, (whole, index) => controls[Number(index)] ?? whole);

/** The spellings found in a text, and what lies between them, in order. */
function splitAt(text: string, controls: readonly string[]): string[] {
  const longestFirst = [...controls].sort((a, b) => b.length - a.length);
  const pattern = longestFirst.map((one) => one.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  if (pattern === '') return [text];
  return text.split(new RegExp(`(${pattern})`)).filter((piece) => piece !== '');
}
