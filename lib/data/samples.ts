import { type ChatTemplate, messagesOf } from './chat/chat-template';
import type { Rendering } from './chat/rendering';
import type { TrainExample } from './rows';
import { renderExchanges, type TemplateName } from './template';
import type { Tokenizer } from './tokenizer';

/** A label that is not learnt, as PyTorch and Hugging Face write it. */
export const IGNORED = -100;

/**
 * One tokenised example, n tokens. `labels[t]` is `ids[t]` where the token is learnt and -100 where not: Hugging Face's
 * UNSHIFTED convention. (Chunks are shifted: there `targets[t]` is the token after `tokens[t]`.)
 */
export interface Sample {
  readonly id: string;
  readonly source: string;
  /** [n] */
  readonly ids: Int32Array;
  /** [n] */
  readonly labels: Int32Array;
}

/** Samples one after the other, or one by its number: an array of them, or files that are read as they are asked for. */
export interface SampleList extends Iterable<Sample> {
  readonly length: number;
  at(index: number): Sample | undefined;
  /** Tokens of each, where they are known without reading it. */
  readonly lengths?: Int32Array;
}

/** Tokens of each sample. */
export const lengthsOf = (samples: SampleList): Int32Array =>
  samples.lengths ?? Int32Array.from(samples, ({ ids }) => ids.length);

export interface SampleReport {
  readonly samples: number;
  readonly tokens: number;
  /** Response tokens and the EOS after each. */
  readonly lossTokens: number;
  /** Samples whose first response token also holds the end of the prompt. */
  readonly straddlingTokens: number;
  /** Samples whose system prompt the model's chat template leaves out; absent where there are none. */
  readonly lostSystems?: number;
}

export interface TokenizedSamples {
  readonly samples: readonly Sample[];
  readonly report: SampleReport;
}

/** Rows handed to the tokenizer at once. */
const BATCH = 512;

/**
 * Tokenises examples in their order:
 *
 *     ids      BOS? | prompt tokens | response tokens | EOS
 *     labels   -100 | -100 ...      | the ids         | EOS
 *
 * The EOS is a label: it is what teaches the model to stop. The prompt is tokenised together with the response; a token
 * that holds any character of the response is a label. A conversation is exchange after exchange, an EOS after each
 * response. In the model's own chat template, its text alone says where a conversation begins and ends.
 *
 * @param template `med42`, `none`, or the model's own
 * @throws when a response yields no token, or text yields a control token
 * Source: paper, Modelling, 'Mask loss': 'focusing the backpropagation of loss exclusively on the tokens forming the
 * responses'. Whether the EOS was among them, and whether each sample began with a BOS, it does not say.
 */
export async function tokenizeExamples(
  examples: readonly TrainExample[],
  tokenizer: Tokenizer,
  template: Exclude<TemplateName, 'model'> | ChatTemplate = 'med42',
): Promise<TokenizedSamples> {
  const samples: Sample[] = [];
  let tokens = 0;
  let lossTokens = 0;
  let straddlingTokens = 0;
  let lostSystems = 0;
  const make = (start: number): Promise<Made[]> | undefined => {
    if (start >= examples.length) return undefined;
    const batch = examples.slice(start, start + BATCH);
    return typeof template === 'string'
      ? tokenizeJoined(batch, tokenizer, template)
      : tokenizeRendered(batch, tokenizer, template);
  };
  let next = make(0);
  for (let start = BATCH; next; start += BATCH) {
    const made = next;
    // The tokenizer's threads have the next batch while this one becomes samples here.
    next = make(start);
    next?.catch(() => {});
    for (const { straddles, losesSystem, ...sample } of await made) {
      samples.push(sample);
      tokens += sample.ids.length;
      for (const label of sample.labels) if (label !== IGNORED) lossTokens++;
      if (straddles) straddlingTokens++;
      if (losesSystem) lostSystems++;
    }
  }
  const counts = { samples: samples.length, tokens, lossTokens, straddlingTokens };
  return { samples, report: { ...counts, ...someLost(lostSystems) } };
}

/** The count as reports have it: that of none is left out. */
export const someLost = (lostSystems: number): Pick<SampleReport, 'lostSystems'> =>
  lostSystems > 0 ? { lostSystems } : {};

type Made = Sample & { readonly straddles: boolean; readonly losesSystem: boolean };

async function tokenizeJoined(
  batch: readonly TrainExample[],
  tokenizer: Tokenizer,
  template: Exclude<TemplateName, 'model'>,
): Promise<Made[]> {
  const { bosId, eosId, addBos } = tokenizer;
  const rendered = batch.map((example) => renderExchanges(example, template));
  const encoded = await tokenizer.encodeJoint(rendered.flat());
  let next = 0;
  return batch.map(({ id, source }, i) => {
    const parts = rendered[i]!.map(() => encoded[next++]!);
    const begin = addBos && bosId !== undefined ? [bosId] : [];
    const length = parts.reduce((sum, part) => sum + part.ids.length + 1, begin.length);
    const ids = new Int32Array(length);
    const labels = new Int32Array(length).fill(IGNORED);
    ids.set(begin);
    let at = begin.length;
    for (const { ids: text, responseStart } of parts) {
      if (responseStart >= text.length) {
        throw new Error(`samples: example "${id}": the response must yield a token, got none; fix or delete the row`);
      }
      for (let t = 0; t < text.length; t++, at++) {
        const token = text[t]!;
        if (token === eosId || token === bosId) {
          throw new Error(
            `samples: example "${id}": its text yields the control token ${token}, which would end or start a ` +
              'sequence; fix or delete the row',
          );
        }
        ids[at] = token;
        if (t >= responseStart) labels[at] = token;
      }
      ids[at] = eosId;
      labels[at] = eosId;
      at++;
    }
    return { id, source, ids, labels, straddles: parts.some(({ straddles }) => straddles), losesSystem: false };
  });
}

async function tokenizeRendered(
  batch: readonly TrainExample[],
  tokenizer: Tokenizer,
  template: ChatTemplate,
): Promise<Made[]> {
  const { bosId, eosId, addBos } = tokenizer;
  const conversations = batch.map((example) => {
    const messages = messagesOf(example);
    const spelt = tokenizer.controlTexts.find((text) => messages.some(({ content }) => content.includes(text)));
    if (spelt !== undefined) {
      throw new Error(
        `samples: example "${example.id}": its text spells the control token ${spelt}, which would end or start a turn; ` +
          'fix or delete the row',
      );
    }
    return { messages, learn: true };
  });
  const talks = batch.flatMap(({ plain }, i) => (plain ? [] : [i]));
  const rendered = (
    await template.render(
      talks.map((i) => conversations[i]!),
      talks.map((i) => batch[i]!.id),
    )
  ).values();
  const begin = addBos && bosId !== undefined ? tokenizer.textOf(bosId) : '';
  const renderings = batch.map(({ plain, response }): Rendering => {
    if (!plain) return rendered.next().value!;
    const text = `${begin}${response}${tokenizer.textOf(eosId)}`;
    return { text, learnt: [[begin.length, text.length]] };
  });
  const encoded = await tokenizer.encodeRendered(renderings);
  return encoded.map(({ ids, learnt }, i) => ({
    id: batch[i]!.id,
    source: batch[i]!.source,
    ids: Int32Array.from(ids),
    labels: Int32Array.from(ids, (token, t) => (learnt[t] ? token : IGNORED)),
    straddles: false,
    losesSystem: renderings[i]!.losesSystem === true,
  }));
}
