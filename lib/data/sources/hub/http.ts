import { setTimeout as sleep } from 'node:timers/promises';

/** What a server said in place of the file, or that it said nothing. */
export class FetchError extends Error {
  constructor(
    message: string,
    /** Undefined where no answer came. */
    readonly status: number | undefined,
    /** The Hub's own word for it: 'GatedRepo', 'RepoNotFound', 'EntryNotFound', 'RevisionNotFound'. */
    readonly code: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface ClientOptions {
  /** Where the Hub is. Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Sent to the endpoint alone. Default: HF_TOKEN. */
  readonly token?: string | undefined;
  /** Tries after the first one. */
  readonly retries?: number;
  /** Of the first pause, which doubles each time, ms. */
  readonly pause?: number;
  /** A host that says nothing for so long is asked again, ms. */
  readonly patience?: number;
  readonly say?: (line: string) => void;
}

/** HTTP as the fetching needs it: redirects without the token, and another try where one may help. */
export interface Client {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly retries: number;
  readonly patience: number;
  /**
   * Like `fetch`, but an answer other than 2xx throws.
   *
   * @throws FetchError naming the address without its query, which may hold a signature
   */
  request(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Waits before try `attempt` (from 0), as long as an answer's Retry-After says or twice as long each time. */
  wait(attempt: number, what: string, retryAfter?: string | null): Promise<void>;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** Answers after which another try may help. */
export const RETRIED = new Set([408, 425, 429, 500, 502, 503, 504]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 8;
/** A longer Retry-After ends the fetching: the user is told when to come back. */
const LONGEST_WAIT_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * A client of one endpoint. It adds what `fetch` lacks: the token goes to the endpoint's own origin and nowhere else,
 * whatever redirects say; 429 and 5xx are tried again after the time that Retry-After gives.
 */
export function createClient(options: ClientOptions = {}): Client {
  const { retries = 5, pause = 500, patience = 30_000, say } = options;
  const endpoint = (options.endpoint ?? (process.env.HF_ENDPOINT || DEFAULT_ENDPOINT)).replace(/\/+$/, '');
  const origin = originOf(endpoint);
  const token = 'token' in options ? options.token : process.env.HF_TOKEN?.trim();
  // The runtime's own complaint about such a header would show it.
  if (token && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error('fetch: HF_TOKEN must be one word of ASCII characters, as the Hub gives it; it is not shown here');
  }

  async function wait(attempt: number, what: string, retryAfter?: string | null): Promise<void> {
    const asked = pauseOf(retryAfter);
    const ms =
      asked === undefined ? Math.min(pause * 2 ** attempt, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2) : asked;
    if (ms > LONGEST_WAIT_MS) {
      const minutes = Math.ceil(ms / 60_000);
      throw new FetchError(
        `fetch: ${what}, and asks for a pause of ${minutes} minutes; run the same command after it`,
        429,
        undefined,
      );
    }
    if (ms >= 1000 || attempt > 0) say?.(`${what}; once more in ${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`);
    await sleep(ms);
  }

  async function request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      let response: Response;
      try {
        response = await follow(new URL(url), init, { origin, token, patience });
      } catch (error) {
        if (error instanceof FetchError) throw error;
        const why = `${plainUrl(url)} gives no answer (${reasonOf(error)})`;
        if (init.signal?.aborted) throw error;
        if (attempt >= retries) {
          throw new FetchError(
            `fetch: ${why} in ${attempt + 1} tries; look at the network and HF_ENDPOINT`,
            undefined,
            undefined,
            { cause: error },
          );
        }
        await wait(attempt, why);
        continue;
      }
      if (response.ok) return response;
      const { status, headers } = response;
      await response.body?.cancel().catch(() => {});
      const why = `${plainUrl(url)} answers ${status}`;
      if (!RETRIED.has(status) || attempt >= retries) {
        const tries = attempt > 0 ? ` in ${attempt + 1} tries` : '';
        throw new FetchError(`fetch: ${why}${tries}`, status, headers.get('x-error-code') ?? undefined);
      }
      await wait(attempt, why, headers.get('retry-after'));
    }
  }

  return { endpoint, retries, patience, request, wait };
}

function originOf(endpoint: string): string {
  try {
    const url = new URL(endpoint);
    if (url.username !== '' || url.password !== '') {
      throw new RangeError(
        `fetch: HF_ENDPOINT must hold no user and password, use HF_TOKEN; got them before ${url.host}`,
      );
    }
    if (url.protocol === 'https:' || url.protocol === 'http:') return url.origin;
  } catch (error) {
    if (error instanceof RangeError) throw error;
  }
  throw new Error(`fetch: HF_ENDPOINT must be an address like ${DEFAULT_ENDPOINT}, got ${JSON.stringify(endpoint)}`);
}

interface Sender {
  readonly origin: string;
  readonly token: string | undefined;
  readonly patience: number;
}

async function follow(start: URL, init: RequestInit, { origin, token, patience }: Sender): Promise<Response> {
  let url = start;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const headers = new Headers(init.headers);
    // A compressed answer has another length than the file, and cannot be resumed.
    headers.set('accept-encoding', 'identity');
    if (token && url.origin === origin) headers.set('authorization', `Bearer ${token}`);
    const response = await answerWithin(patience, url, { ...init, headers, redirect: 'manual' });
    const to = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || to === null) return response;
    await response.body?.cancel().catch(() => {});
    const next = new URL(to, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new FetchError(
        `fetch: ${plainUrl(url)} leads on to ${plainUrl(next)}, which is not encrypted`,
        response.status,
        undefined,
      );
    }
    url = next;
  }
  throw new FetchError(`fetch: ${plainUrl(start)} leads on more than ${MOST_REDIRECTS} times`, undefined, undefined);
}

/** The timer ends with the headers: how long a body takes is not its matter. */
async function answerWithin(patience: number, url: URL, init: RequestInit): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`silent for ${patience / 1000} s`)), patience);
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  try {
    return await fetch(url, { ...init, signal });
  } finally {
    clearTimeout(timer);
  }
}

/** Retry-After: seconds or a date, as ms from now. */
export function pauseOf(value: string | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** An address for messages: a signed one grants access by its query, and one may hold a password. */
export function plainUrl(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Why a request failed: undici hides it one level down. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
