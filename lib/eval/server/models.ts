import { type ServerClient, ServerError } from './client';

/** What a server says of a model that it serves. */
export interface ServedModel {
  readonly id: string;
  /** Tokens of prompt and answer together, where it says so: vLLM does. */
  readonly maxModelLen: number | undefined;
}

/**
 * Looks a model up among those that are served.
 *
 * @returns undefined where the server has no list, which not every one has
 * @throws naming what is served when the model is not among it
 */
export async function servedModel(client: ServerClient, name: string): Promise<ServedModel | undefined> {
  let raw: { readonly data?: readonly { readonly id?: unknown; readonly max_model_len?: unknown }[] } | null;
  try {
    raw = (await client.ask('/models')) as typeof raw;
  } catch (error) {
    if (error instanceof ServerError && (error.status === 404 || error.status === 405)) return undefined;
    throw error;
  }
  if (!Array.isArray(raw?.data)) return undefined;
  const found = raw.data.find(({ id }) => id === name);
  if (!found) {
    const names = raw.data.map(({ id }) => String(id)).slice(0, 10);
    throw new Error(
      `score: ${client.base} serves no model ${JSON.stringify(name)}; it serves ${names.join(', ') || 'none'}: give its name with --model`,
    );
  }
  const { max_model_len: length } = found;
  return { id: name, maxModelLen: typeof length === 'number' ? length : undefined };
}
