import * as v from 'valibot';
import { checkFields, looseFields, text, whole } from '../../schema';
import { type ServerClient, ServerError } from './client';

/** What a server says of a model that it serves. */
export interface ServedModel {
  readonly id: string;
  /** Tokens of prompt and answer together, where it says so: vLLM does. */
  readonly maxModelLen: number | undefined;
}

const LIST = looseFields({
  data: v.array(looseFields({ max_model_len: whole(1, 2 ** 31 - 1) }, { id: text }), 'a list of models'),
});

/**
 * Looks a model up among those that are served.
 *
 * @returns undefined where the server has no list, which not every one has
 * @throws naming what is served when the model is not among it
 */
export async function servedModel(client: ServerClient, name: string): Promise<ServedModel | undefined> {
  let raw: unknown;
  try {
    raw = await client.ask('/models');
  } catch (error) {
    if (error instanceof ServerError && (error.status === 404 || error.status === 405)) return undefined;
    throw error;
  }
  const where = `score: ${client.base}/models: the answer`;
  const { data } = checkFields(LIST, raw ?? {}, where, 'give the address of an OpenAI-compatible server with --server');
  if (!data) return undefined;
  const found = data.find(({ id }) => id === name);
  if (!found) {
    const names = data.map(({ id }) => id).slice(0, 10);
    throw new Error(
      `score: ${client.base} serves no model ${JSON.stringify(name)}; it serves ${names.join(', ') || 'none'}: give its name with --model`,
    );
  }
  return { id: name, maxModelLen: found.max_model_len ?? undefined };
}
