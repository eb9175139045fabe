import { setTimeout as sleep } from 'node:timers/promises';
import { pauseOf, plainUrl, RETRIED, reasonOf } from '../../data/sources/hub/http';
import { parseJson } from '../../json-file';

export interface ServerOptions {
  /** The server's address: `http://127.0.0.1:8000`, or up to where `/completions` follows. */
  readonly url: string;
  /** Sent as a bearer token, to this server alone. It is in no message. */
  readonly key?: string | undefined;
  /** Tries after the first one where no answer comes or the server is busy; default 12, some four minutes. */
  readonly retries?: number;
  /** Of the first pause, which doubles each time, ms. */
  readonly pause?: number;
  /** An answer that takes longer is asked for again, ms. */
  readonly patience?: number;
  readonly say?: (line: string) => void;
}

export interface Signals {
  /** Ends the request at once. */
  readonly signal?: AbortSignal | undefined;
  /** No further try: what is asked already may be answered. */
  readonly lastTry?: AbortSignal | undefined;
}

/** JSON over HTTP with another try where one may help. */
export interface ServerClient {
  /** Without a slash at its end. */
  readonly base: string;
  /** Tries after first ones, so far. */
  readonly retried: number;
  /**
   * Sends `body` as a POST, or a GET without one.
   *
   * @throws ServerError with the server's own words
   */
  ask(path: string, body?: unknown, signals?: Signals): Promise<unknown>;
}

/** What a server said in place of a result, or that it said nothing. */
export class ServerError extends Error {
  constructor(
    message: string,
    /** Undefined where no whole answer came. */
    readonly status: number | undefined,
  ) {
    super(message);
  }
}

const LONGEST_PAUSE_MS = 30_000;
/** A longer Retry-After ends the run: the user is told when to come back. */
const LONGEST_WAIT_MS = 10 * 60_000;
/** A server that fails at one request fails again: fewer tries than for one that is busy or away. */
const RETRIES_OF_FAILURE = 4;
const MOST_WORDS = 300;

/**
 * A client of one server. When it asks for a pause (429 with Retry-After) every request waits, not only the one that
 * was told.
 *
 * @throws when the address is none, or carries a secret
 */
export function createServerClient(options: ServerOptions): ServerClient {
  const { retries = 12, pause = 500, patience = 240_000, key, say } = options;
  const base = baseOf(options.url);
  // The runtime's own complaint about such a header would show it.
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new Error('score: OPENAI_API_KEY must be one word of ASCII characters; it is not shown here');
  }
  const withoutKey = (text: string) => (key === undefined ? text : text.replaceAll(key, '[the key]'));
  let retried = 0;
  let heldUntil = 0;
  let waiting = 0;

  async function once(url: string, body: unknown, signal: AbortSignal | undefined): Promise<Answer> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`silent for ${patience / 1000} s`)), patience);
    try {
      const response = await fetch(url, {
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      if (signal?.aborted) throw error;
      return { status: undefined, text: withoutKey(reasonOf(late.signal.aborted ? late.signal.reason : error)) };
    } finally {
      clearTimeout(timer);
    }
  }

  async function ask(path: string, body?: unknown, { signal, lastTry }: Signals = {}): Promise<unknown> {
    const url = `${base}${path}`;
    for (let attempt = 0; ; attempt++) {
      const held = heldUntil - Date.now();
      if (held > 0) await pauseFor(held, { signal, lastTry });
      const answer = await once(url, body, signal);
      const { status } = answer;
      const what =
        status === undefined ? `${url} gives no answer (${answer.text})` : `${url} answers ${status}${words(answer)}`;
      if (status !== undefined && status >= 200 && status < 300) return json(withoutKey(answer.text), url);
      const most = status === 500 ? Math.min(retries, RETRIES_OF_FAILURE) : retries;
      const mayHelp = (status === undefined || RETRIED.has(status)) && !refusesEcho(answer);
      if (!mayHelp || attempt >= most || lastTry?.aborted) {
        const tries = attempt > 0 ? ` in ${attempt + 1} tries` : '';
        throw new ServerError(`score: ${withoutKey(what)}${tries}; ${advice(answer, key)}`, status);
      }
      retried++;
      await holdOn(attempt, withoutKey(what), answer, { signal, lastTry });
    }
  }

  async function holdOn(attempt: number, what: string, answer: Answer, { signal, lastTry }: Signals): Promise<void> {
    const asked = pauseOf(answer.headers?.get('retry-after'));
    if (asked !== undefined && asked > LONGEST_WAIT_MS) {
      const minutes = Math.ceil(asked / 60_000);
      throw new ServerError(
        `score: ${what}, and asks for a pause of ${minutes} minutes; run the same command after it`,
        answer.status,
      );
    }
    const ms = asked ?? Math.min(pause * 2 ** attempt, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
    if (asked !== undefined) heldUntil = Math.max(heldUntil, Date.now() + ms);
    // One of those that wait says it.
    if (ms >= 1000 && waiting === 0) say?.(`${what}; once more in ${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`);
    waiting++;
    await pauseFor(ms, { signal, lastTry }).finally(() => waiting--);
  }

  return {
    base,
    get retried() {
      return retried;
    },
    ask,
  };
}

/** `lastTry` ends the pause, `signal` the request. */
async function pauseFor(ms: number, { signal, lastTry }: Signals): Promise<void> {
  const ends = [signal, lastTry].filter((one) => one !== undefined);
  await sleep(ms, undefined, { signal: AbortSignal.any(ends) }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
  });
}

interface Answer {
  /** Undefined where no whole answer came: `text` says why. */
  readonly status: number | undefined;
  readonly headers?: Headers;
  readonly text: string;
}

/** `http://host:8000` -> `http://host:8000/v1`; an address with a path is taken as it is. */
function baseOf(given: string): string {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new Error(`score: --server must be an address like http://127.0.0.1:8000, got ${JSON.stringify(given)}`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`score: --server must begin with http:// or https://, got ${JSON.stringify(plainUrl(url))}`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error(
      `score: --server must hold no user, password, query or fragment, got some with ${plainUrl(url)}; a key is read from ` +
        'the environment variable OPENAI_API_KEY',
    );
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/completions$/, '');
  return `${url.origin}${path === '' ? '/v1' : path}`;
}

function json(text: string, url: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new ServerError(
      `score: ${url} answers with no JSON that is read here but ${JSON.stringify(text.slice(0, 60))}; give the address of an ` +
        'OpenAI-compatible server with --server',
      200,
    );
  }
}

/** What the server says of its refusal, in whichever of the usual fields. */
function words({ text, headers }: Answer): string {
  const to = headers?.get('location');
  if (to) return ` and leads on to ${to.slice(0, MOST_WORDS)}`;
  let said: unknown = text;
  try {
    const value = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown };
    said = (typeof value.error === 'object' ? value.error?.message : value.error) ?? value.message ?? value.detail;
    if (said !== undefined && typeof said !== 'string') said = JSON.stringify(said);
  } catch {
    // A proxy's page: its first words will do.
  }
  const line = typeof said === 'string' ? said.replace(/\s+/g, ' ').trim() : '';
  return line === '' ? '' : ` (${line.slice(0, MOST_WORDS)})`;
}

/** llama.cpp's server says so with status 500, which elsewhere may pass. */
const refusesEcho = (answer: Answer): boolean => /\becho\b/i.test(words(answer));

function advice(answer: Answer, key: string | undefined): string {
  const { status, headers } = answer;
  if (refusesEcho(answer)) {
    return (
      'this server does not give the log-probabilities of a prompt ("echo" with "logprobs"), and nothing can be scored ' +
      'without them; llama.cpp’s server does not, vLLM’s does (`vllm serve MODEL`)'
    );
  }
  if (headers?.get('location')) return 'give that address with --server';
  if (status === 401 || status === 403) {
    return key === undefined
      ? 'set the environment variable OPENAI_API_KEY to a key of this server'
      : 'the key in OPENAI_API_KEY was sent; set it to one that this server takes';
  }
  if (status === 404) return 'look at --model (GET .../models lists what is served) and --server';
  if (status === 400 || status === 422) {
    return (
      'it must take token ids as "prompt", with "echo" and "logprobs", as vLLM does (llama.cpp’s own server and chat ' +
      'endpoints do not), and read as many tokens as --max-length says'
    );
  }
  if (status === undefined) return 'start the server, or look at --server and the network; the same command carries on';
  return 'look at the server’s own log; the same command carries on';
}
