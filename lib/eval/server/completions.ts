import type { PickScore } from '../loglikelihood';
import type { ServerClient, Signals } from './client';

/** A prompt as the server read it. */
export interface ReadPrompt {
  /** The server's own ids of the prompt's tokens, where it tells them. */
  readonly ids: readonly number[] | undefined;
  /** Its tokens as texts, the generated one left out. */
  readonly texts: readonly string[] | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The log-probability of the token at a place of the prompt (not the first), given those before it. */
  scoreAt(place: number, id: number): PickScore;
}

interface RawCompletion {
  readonly choices?: readonly {
    readonly prompt_logprobs?: readonly (Readonly<Record<string, { logprob: number; rank?: number }>> | null)[] | null;
    readonly logprobs?: {
      readonly tokens?: readonly string[];
      readonly token_logprobs?: readonly (number | null)[];
      readonly top_logprobs?: readonly (Readonly<Record<string, number>> | null)[] | null;
    } | null;
  }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
}

/**
 * Has a prompt read and scored: a completion of one token with `echo`, so that the prompt's own log-probabilities come back.
 *
 * @param prompt token ids, which are read as they are; or a text, for the server's own tokenizer
 * @param alternatives likeliest tokens beside each of the prompt's: with 1 the answer says whether each was the likeliest,
 *   with 0 it says which token each is
 * @throws ServerError; and when the answer has no log-probabilities of the prompt, or of another number of tokens
 * Source: lm_eval/models/openai_completions.py; vllm/entrypoints/openai, `prompt_logprobs`.
 */
export async function readPrompt(
  client: ServerClient,
  model: string,
  prompt: string | readonly number[],
  alternatives: 0 | 1,
  signals: Signals = {},
): Promise<ReadPrompt> {
  const body = { model, prompt, max_tokens: 1, temperature: 0, echo: true, logprobs: alternatives };
  const raw = (await client.ask('/completions', body, signals)) as RawCompletion | null;
  const refuse = (what: string): never => {
    throw new Error(
      `score: ${client.base}/completions ${what}; scoring needs a server that gives log-probabilities of the prompt for ` +
        '"echo" with "logprobs", as vLLM does',
    );
  };
  const choice = raw?.choices?.[0];
  if (!choice) return refuse('answers without "choices"');
  const { tokens: texts, token_logprobs: own, top_logprobs: top } = choice.logprobs ?? {};
  const byId = choice.prompt_logprobs ?? undefined;
  if (byId === undefined && !own) return refuse('answers without log-probabilities (choices[0].logprobs is empty)');
  const completionTokens = raw?.usage?.completion_tokens ?? 1;
  const count = byId?.length ?? own!.length - completionTokens;
  const promptTokens = raw?.usage?.prompt_tokens ?? count;
  if (count < 1) return refuse('leaves the prompt out of its answer (no "echo")');
  if (typeof prompt !== 'string' && (count !== prompt.length || promptTokens !== prompt.length)) {
    return refuse(
      `was given ${prompt.length} token ids and answers for a prompt of ${promptTokens}, with ${count} scores`,
    );
  }
  const ids = byId?.slice(1).map((entry) => Object.keys(entry ?? {}));
  return {
    // With no alternatives each entry holds the token itself alone; the first token has no entry.
    ids: alternatives === 0 && ids?.every((keys) => keys.length === 1) ? ids.map(([id]) => Number(id)) : undefined,
    texts: texts?.slice(0, count),
    promptTokens,
    completionTokens,
    scoreAt: (place, id) => {
      const entries = byId?.[place];
      const logProb = byId ? entries?.[id]?.logprob : own![place];
      if (typeof logProb !== 'number') {
        return refuse(`has no log-probability of token ${place + 1} (id ${id}) of ${count}`);
      }
      const others = byId ? Object.values(entries ?? {}).map((one) => one.logprob) : Object.values(top?.[place] ?? {});
      if (!byId && others.length === 0) return refuse('answers without "top_logprobs"');
      return { logProb, isGreedy: others.every((other) => other <= logProb) };
    },
  };
}
