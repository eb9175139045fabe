import { type ChatTemplate, requireChatTemplate } from './chat/chat-template';
import type { Message } from './chat/rendering';
import type { Exchange } from './rows';
import { renderExchanges, type TemplateName } from './template';
import type { Tokenizer } from './tokenizer';

/** The token ids of a conversation, up to where the next answer begins. */
export type EncodeConversation = (messages: readonly Message[]) => Promise<number[]>;

/**
 * How a conversation becomes what a model reads, as training has it: Med42's template, the model's own, or the bare
 * texts.
 *
 * @param folder of the model, for its own template
 * @param adapter of its adapter, whose template comes first
 * @throws when there is no chat template and it is asked for
 */
export async function conversationEncoder(
  name: TemplateName,
  folder: string,
  tokenizer: Tokenizer,
  adapter?: string,
): Promise<EncodeConversation> {
  if (name === 'model') return modelEncoder(await requireChatTemplate(folder, adapter), tokenizer);
  return async (messages) => {
    const system = messages.find(({ role }) => role === 'system')?.content;
    const turns = messages.filter(({ role }) => role !== 'system').map(({ content }) => content);
    const exchanges = Array.from({ length: Math.ceil(turns.length / 2) }, (_, i): Exchange => {
      return { prompt: turns[2 * i]!, response: turns[2 * i + 1] ?? '' };
    });
    const example = {
      ...(system === undefined ? {} : { system }),
      history: exchanges.slice(0, -1),
      ...(exchanges.at(-1) ?? { prompt: '', response: '' }),
    };
    const ids: number[] = tokenizer.addBos && tokenizer.bosId !== undefined ? [tokenizer.bosId] : [];
    const rendered = renderExchanges(example, name);
    for (const [i, { prompt, response }] of rendered.entries()) {
      ids.push(...(await tokenizer.encode(prompt + response, { addSpecialTokens: false })));
      if (i < rendered.length - 1) ids.push(tokenizer.eosId);
    }
    return ids;
  };
}

function modelEncoder(template: ChatTemplate, tokenizer: Tokenizer): EncodeConversation {
  const controls = tokenizer.controlTexts;
  return async (messages) => {
    // What a person types is text, whatever it spells: a control token's spelling is hidden from the template.
    const hidden = messages.map(({ role, content }) => ({ role, content: hide(content, controls) }));
    const [{ text, losesSystem } = { text: '' }] = await template.render([{ messages: hidden, learn: false }]);
    if (losesSystem) {
      throw new Error(
        "chat template: the model's own must write the system prompt, and leaves it out; put it into the first " +
          'question, or use --template med42 or none',
      );
    }
    const ids: number[] = [];
    for (const piece of splitAt(text, controls)) {
      if (controls.includes(piece)) ids.push(...(await encodeOne(tokenizer, piece)));
      else ids.push(...(await tokenizer.encode(reveal(piece, controls), { addSpecialTokens: false })));
    }
    const isPlain = hidden.every(({ content }, i) => content === messages[i]!.content);
    return isPlain ? encodeOne(tokenizer, text) : ids;
  };
}

async function encodeOne(tokenizer: Tokenizer, text: string): Promise<number[]> {
  const [encoded] = await tokenizer.encodeRendered([{ text, learnt: [] }]);
  return [...encoded!.ids];
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
