import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadTokenizer } from '../../../lib/data/tokenizer';
import type { PickScore, TokenScorer } from '../../../lib/eval/loglikelihood';
import { seenBy } from '../fakes';

/** A completions endpoint on loopback, in the forms that servers have, over a model of which every score is known. */

export const BASE = join(__dirname, '../../../data/miniature/base');

/** FNV-1a over token ids. */
const hash = (ids: readonly number[]): number =>
  ids.reduce((sum, id) => Math.imul(sum ^ id, 16777619) >>> 0, 2166136261);

/** After any prefix one token has log-probability -0.5, every other between -9 and -1. */
export function scoreOf(
  prefix: readonly number[],
  id: number,
  vocabSize: number,
): PickScore & { readonly top: number } {
  const top = hash(prefix) % vocabSize;
  const isGreedy = id === top;
  return {
    logProb: isGreedy ? -0.5 : -1 - (hash([...prefix.slice(-20), prefix.length, id]) % 4096) / 512,
    isGreedy,
    top,
  };
}

/** The same model as a local scorer. */
export const knownScorer = (maxLength: number, vocabSize: number): TokenScorer => ({
  maxLength,
  vocabSize,
  balancedLength: 1000,
  scoreRows: async function* (rows) {
    for (const [row, one] of rows.entries()) {
      const scores = one.picks.map(({ node, target }) => {
        const { logProb, isGreedy } = scoreOf(seenBy(one, node), target, vocabSize);
        return { logProb, isGreedy };
      });
      yield { row, scores };
    }
  },
});

/** What goes wrong with one answer. */
export interface Fault {
  readonly status?: number;
  readonly retryAfter?: string;
  readonly location?: string;
  readonly message?: string;
  /** The connection breaks before the answer, or in its midst. */
  readonly cut?: 'before' | 'within';
  /** An answer in place of the right one. */
  readonly text?: string;
}

export interface StubOptions {
  /** 'vllm' tells ids, 'openai' texts, 'silent' no scores of the prompt; 'llama.cpp' refuses to echo it. */
  readonly form?: 'vllm' | 'openai' | 'silent' | 'llama.cpp';
  /** Model folder whose tokenizer it has. */
  readonly tokenizer?: string;
  /** Puts a BOS before a text. */
  readonly bos?: boolean;
  /** Null: it has no list. */
  readonly models?: readonly { readonly id: string; readonly max_model_len?: number }[] | null;
  /** Default: its tokenizer's. */
  readonly vocabSize?: number;
  readonly port?: number;
  /** Before each answer, ms. */
  readonly delay?: number;
  /** The ids that its own tokenizer gives, made others. */
  readonly spoil?: (ids: readonly number[]) => number[];
}

export interface Asked {
  readonly prompt: string | readonly number[];
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StubServer {
  readonly url: string;
  readonly asked: Asked[];
  /** Most requests that were under way at the same time. */
  most(): number;
  /** Asked before each completion, counted from 1. */
  fault: (asked: Asked, count: number) => Fault | undefined;
  close(): Promise<void>;
}

export async function stubServer(options: StubOptions = {}): Promise<StubServer> {
  const { form = 'vllm', bos = false, models = [{ id: 'known', max_model_len: 4096 }], delay = 0, spoil } = options;
  const tokenizer = await loadTokenizer(options.tokenizer ?? BASE);
  const asked: Asked[] = [];
  let [underWay, most] = [0, 0];
  const stub = { asked, most: () => most, fault: (() => undefined) as StubServer['fault'] };

  const send = (response: ServerResponse, status: number, value: unknown, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
  };

  const complete = async (response: ServerResponse, one: Asked, fault: Fault | undefined) => {
    if (fault?.cut === 'before') return response.destroy();
    if (fault?.text !== undefined) return send(response, 200, fault.text);
    if (fault?.status) {
      const headers = {
        ...(fault.retryAfter ? { 'retry-after': fault.retryAfter } : {}),
        ...(fault.location ? { location: fault.location } : {}),
      };
      return send(response, fault.status, { error: { message: fault.message ?? `status ${fault.status}` } }, headers);
    }
    // tools/server/server-common.cpp, oaicompat_completion_params_parse: an error of the server's own kind.
    if (form === 'llama.cpp' && one.body.echo === true) {
      const error = { code: 500, message: 'Only no echo is supported', type: 'server_error' };
      return send(response, 500, { error });
    }
    if (models?.every(({ id }) => id !== one.body.model)) {
      return send(response, 404, { error: { message: `The model \`${one.body.model}\` does not exist.` } });
    }
    const own =
      typeof one.prompt === 'string' ? await tokenizer.encode(one.prompt, { addSpecialTokens: bos }) : [...one.prompt];
    const ids = typeof one.prompt === 'string' && spoil ? spoil(own) : own;
    const text = JSON.stringify(answer(ids, one.body.logprobs as number));
    if (fault?.cut !== 'within') return send(response, 200, text);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.write(text.slice(0, text.length / 2), () => setTimeout(() => response.destroy(), 10));
  };

  const answer = (ids: readonly number[], alternatives: number) => {
    const at = ids.map((id, i) =>
      i === 0 ? null : scoreOf(ids.slice(0, i), id, options.vocabSize ?? tokenizer.vocabSize),
    );
    const listed = at.map(
      (score, i): [number, number][] | null =>
        score && [
          [ids[i]!, score.logProb],
          ...(alternatives > 0 && !score.isGreedy ? [[score.top, -0.5] as [number, number]] : []),
        ],
    );
    const logprobs = {
      tokens: [...ids.map((id) => tokenizer.textOf(id)), 'x'],
      token_logprobs: [...at.map((score) => score?.logProb ?? null), -1],
      top_logprobs: [
        ...listed.map((some) => some && Object.fromEntries(some.map(([id, value]) => [tokenizer.textOf(id), value]))),
        { x: -1 },
      ],
    };
    return {
      choices: [
        {
          text: 'x',
          logprobs: form === 'silent' ? null : logprobs,
          ...(form === 'vllm'
            ? {
                prompt_logprobs: listed.map(
                  (some) => some && Object.fromEntries(some.map(([id, logprob]) => [id, { logprob }])),
                ),
              }
            : {}),
        },
      ],
      usage: { prompt_tokens: ids.length, completion_tokens: 1 },
    };
  };

  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/v1/models') {
      return models === null ? send(response, 404, { detail: 'Not Found' }) : send(response, 200, { data: models });
    }
    if (request.url !== '/v1/completions') return send(response, 404, { detail: 'Not Found' });
    most = Math.max(most, ++underWay);
    let text = '';
    for await (const piece of request) text += piece;
    const body = JSON.parse(text);
    const one: Asked = { prompt: body.prompt, authorization: request.headers.authorization, body };
    asked.push(one);
    const fault = stub.fault(one, asked.length);
    if (delay > 0) await new Promise((done) => setTimeout(done, delay));
    underWay--;
    await complete(response, one, fault);
  });
  await new Promise<void>((done) => server.listen(options.port ?? 0, '127.0.0.1', done));
  return Object.assign(stub, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((done) => server.close(() => done()));
    },
  });
}
