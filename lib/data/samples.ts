import type { TrainExample } from './rows';
import { renderPrompt, renderResponse } from './template';
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

export interface SampleReport {
  readonly samples: number;
  readonly tokens: number;
  /** Response tokens and the EOS after each. */
  readonly lossTokens: number;
  /** Samples whose first response token also holds the end of the prompt. */
  readonly straddlingTokens: number;
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
 * The EOS is a label: it is what teaches the model to stop. The prompt is `renderPrompt`'s and is tokenised together
 * with the response; a token that holds any character of the response is a label.
 *
 * @throws when a response yields no token, or text yields a control token
 * Source: paper, Modelling, 'Mask loss': 'focusing the backpropagation of loss exclusively on the tokens forming the
 * responses'. Whether the EOS was among them, and whether each sample began with a BOS, it does not say.
 */
export async function tokenizeExamples(
  examples: readonly TrainExample[],
  tokenizer: Tokenizer,
): Promise<TokenizedSamples> {
  const samples: Sample[] = [];
  const { bosId, eosId, addBos } = tokenizer;
  const bos = addBos && bosId !== undefined ? [bosId] : [];
  let tokens = 0;
  let lossTokens = 0;
  let straddlingTokens = 0;
  for (let start = 0; start < examples.length; start += BATCH) {
    const batch = examples.slice(start, start + BATCH);
    const encoded = await tokenizer.encodeJoint(
      batch.map((example) => ({ prompt: renderPrompt(example), response: renderResponse(example) })),
    );
    for (const [i, { ids: text, responseStart, straddles }] of encoded.entries()) {
      const { id, source } = batch[i]!;
      if (responseStart >= text.length) {
        throw new Error(`samples: example "${id}": the response must yield a token, got none; fix or delete the row`);
      }
      const control = text.find((token) => token === eosId || token === bosId);
      if (control !== undefined) {
        throw new Error(
          `samples: example "${id}": its text yields the control token ${control}, which would end or start a ` +
            'sequence; fix or delete the row',
        );
      }
      const ids = Int32Array.from([...bos, ...text, eosId]);
      const labels = ids.slice().fill(IGNORED, 0, bos.length + responseStart);
      samples.push({ id, source, ids, labels });
      tokens += ids.length;
      lossTokens += text.length - responseStart + 1;
      if (straddles) straddlingTokens++;
    }
  }
  return { samples, report: { samples: samples.length, tokens, lossTokens, straddlingTokens } };
}
