import type { Tokenizer } from '../../data/tokenizer';
import type { ServerClient } from './client';
import { readPrompt } from './completions';

export interface TokenizerProbe {
  /** The item's id, for errors. */
  readonly id: string;
  readonly text: string;
}

/**
 * Compares the server's tokenizer with ours: each text is read once as text and once as our token ids. Its ids, where the
 * server tells them, else its tokens' texts, must be the same; a BOS that the server puts before a text is no difference.
 *
 * @returns what was compared: 'ids' or 'texts'
 * @throws naming the item and the first token that differs
 */
export async function checkServerTokenizer(
  client: ServerClient,
  model: string,
  probes: readonly TokenizerProbe[],
  tokenizer: Pick<Tokenizer, 'bosId' | 'encode' | 'textOf'>,
): Promise<'ids' | 'texts'> {
  let compared: 'ids' | 'texts' = 'ids';
  for (const { id, text } of probes) {
    const refuse = (what: string): never => {
      throw new Error(
        `score: the server's tokenizer is not the one given: ${what}, in the text of item ${id}; give the folder of the ` +
          'tokenizer that the served model has with --tokenizer, or serve the model with its own',
      );
    };
    const ours = await tokenizer.encode(text, { addSpecialTokens: false });
    const [theirs, sent] = await Promise.all([text, ours].map((prompt) => readPrompt(client, model, prompt, 0)));
    const extra = theirs!.promptTokens - ours.length;
    if (extra !== 0 && !(extra === 1 && tokenizer.bosId !== undefined)) {
      refuse(`it makes ${theirs!.promptTokens} tokens where ours makes ${ours.length}`);
    }
    // The first token of a prompt has no score, and so no id.
    const wanted = extra === 1 ? ours : ours.slice(1);
    if (theirs!.ids) {
      const at = wanted.findIndex((token, i) => theirs!.ids![i] !== token);
      if (at >= 0) {
        const [there, here] = [theirs!.ids[at]!, wanted[at]!];
        const shown = (token: number) => `${token} (${JSON.stringify(tokenizer.textOf(token))})`;
        refuse(`its token ${at + 1 + (ours.length - wanted.length)} is ${there}, ours ${shown(here)}`);
      }
      continue;
    }
    compared = 'texts';
    if (!theirs!.texts || !sent!.texts) return refuse('it tells neither ids nor texts of the prompt’s tokens');
    const read = theirs!.texts.slice(extra);
    const at = sent!.texts.findIndex((token, i) => i > 0 && read[i] !== token);
    if (at >= 0) {
      refuse(
        `its token ${at + 1} is ${JSON.stringify(read[at])}, and our id stands for ${JSON.stringify(sent!.texts[at])}`,
      );
    }
  }
  return compared;
}
