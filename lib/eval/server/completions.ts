import * as v from 'valibot';
import { checkFields, looseFields, record, text, whole } from '../../schema';
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

/** Rounding may leave a little above 0. */
const LOG_PROB = 'a log-probability, a number of 0 or less';
const logProb = v.pipe(v.number(LOG_PROB), v.finite(LOG_PROB), v.maxValue(1e-3, LOG_PROB));
const listOf = <T extends v.GenericSchema>(one: T, wanted: string) => v.array(v.nullable(one), wanted);
const tokenCount = whole(0, 2 ** 31 - 1);

const FORM_REMEDY = 'give the address of a server that answers as OpenAI’s completions do, as vLLM does';

/** What is read of an answer; all of it may be missing, and then the server is of another kind. */
const COMPLETION = looseFields({
  choices: v.array(
    looseFields({
      prompt_logprobs: listOf(
        record(looseFields({}, { logprob: logProb }), 'an object of scores by token id'),
        'a list of scores',
      ),
      logprobs: looseFields({
        tokens: v.array(text, 'a list of tokens'),
        token_logprobs: listOf(logProb, 'a list of scores'),
        top_logprobs: listOf(record(logProb, 'an object of scores by token'), 'a list of scores'),
      }),
    }),
    'a list',
  ),
  usage: looseFields({ prompt_tokens: tokenCount, completion_tokens: tokenCount }),
});

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
  const where = `score: ${client.base}/completions: the answer`;
  const raw = checkFields(COMPLETION, (await client.ask('/completions', body, signals)) ?? {}, where, FORM_REMEDY);
  const refuse = (what: string): never => {
    throw new Error(
      `score: ${client.base}/completions ${what}; scoring needs a server that gives log-probabilities of the prompt for ` +
        '"echo" with "logprobs", as vLLM does',
    );
  };
  const choice = raw.choices?.[0];
  if (!choice) return refuse('answers without "choices"');
  const { tokens: texts, token_logprobs: own, top_logprobs: top } = choice.logprobs ?? {};
  const byId = choice.prompt_logprobs ?? undefined;
  if (byId === undefined && !own) return refuse('answers without log-probabilities (choices[0].logprobs is empty)');
  const completionTokens = raw.usage?.completion_tokens ?? 1;
  const count = byId?.length ?? own!.length - completionTokens;
  const promptTokens = raw.usage?.prompt_tokens ?? count;
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
