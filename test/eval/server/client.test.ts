import { afterEach, describe, expect, it } from 'vitest';
import { createServerClient, type ServerOptions } from '../../../lib/eval/server/client';
import { readPrompt } from '../../../lib/eval/server/completions';
import { type Fault, type StubServer, stubServer } from './stub-server';

const open: StubServer[] = [];
afterEach(async () => {
  for (const stub of open.splice(0)) await stub.close();
});

const PROMPT = [5, 6, 7, 8];
const KEY = 'sk-nobodyMayKeepThis123';

/** A stub with these faults, one after the other, and a client of it. */
async function faulty(faults: readonly (Fault | undefined)[], options: Partial<ServerOptions> = {}) {
  const stub = await stubServer();
  open.push(stub);
  stub.fault = (_, count) => faults[Math.min(count, faults.length) - 1];
  const said: string[] = [];
  const client = createServerClient({ url: stub.url, pause: 1, say: (line) => said.push(line), ...options });
  return { stub, said, client, read: () => readPrompt(client, 'known', PROMPT, 1) };
}

describe('a client of a server', () => {
  it.each<readonly [string, readonly (Fault | undefined)[]]>([
    ['500', [{ status: 500 }, { status: 500 }, undefined]],
    ['429', [{ status: 429 }, undefined]],
    ['503 of a server that starts', [{ status: 503, message: 'loading' }, { status: 502 }, { status: 504 }, undefined]],
    ['a connection cut before the answer', [{ cut: 'before' }, { cut: 'before' }, undefined]],
    ['a connection cut within the answer', [{ cut: 'within' }, undefined]],
  ])('asks again after %s', async (_, faults) => {
    const { stub, client, read } = await faulty(faults);
    const { promptTokens } = await read();
    expect([promptTokens, stub.asked.length, client.retried]).toEqual([4, faults.length, faults.length - 1]);
  });

  it('waits as long as Retry-After says, with all requests, and says so', async () => {
    const { stub, said, read } = await faulty([{ status: 429, retryAfter: '1' }, undefined]);
    const began = performance.now();
    await Promise.all([read(), new Promise((done) => setTimeout(done, 100)).then(read)]);
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(stub.asked).toHaveLength(3);
    expect(said).toEqual([expect.stringMatching(/completions answers 429 \(status 429\); once more in 1\.0 s$/)]);
  });

  it('does not wait for hours', async () => {
    const { read } = await faulty([{ status: 429, retryAfter: '7200' }]);
    await expect(read()).rejects.toThrow(
      /answers 429 .*asks for a pause of 120 minutes; run the same command after it/,
    );
  });

  it.each<readonly [string, Fault, number, RegExp]>([
    ['500 for good', { status: 500, message: 'out of memory' }, 5, /answers 500 \(out of memory\) in 5 tries; look at/],
    [
      'a refusal',
      { status: 400, message: 'prompt too long' },
      1,
      /answers 400 \(prompt too long\); it must take token ids .*--max-length/,
    ],
    [
      'llama.cpp’s server, whose 500 will not pass',
      { status: 500, message: 'Only no echo is supported' },
      1,
      /answers 500 \(Only no echo is supported\); this server does not give the log-probabilities of a prompt .*vLLM’s does/,
    ],
    ['a wrong key', { status: 401 }, 1, /answers 401 .*OPENAI_API_KEY/],
    ['an unknown address', { status: 404 }, 1, /answers 404 .*look at --model .*--server/],
    [
      'a redirect',
      { status: 307, location: 'http://elsewhere/v1' },
      1,
      /answers 307 and leads on to http:\/\/elsewhere\/v1; give that/,
    ],
    ['another program', { text: '<html>hello</html>' }, 1, /answers with no JSON .*--server/],
    ['an answer of another form', { text: '{"object":"list"}' }, 1, /answers without "choices"/],
    ['null', { text: 'null' }, 1, /answers without "choices"/],
    ['no connection for good', { cut: 'before' }, 3, /gives no answer \(.+\) in 3 tries; start the server/],
  ])('gives up after %s', async (_, fault, tries, message) => {
    const { stub, read } = await faulty([fault], fault.cut ? { retries: 2 } : {});
    await expect(read()).rejects.toThrow(message);
    expect(stub.asked).toHaveLength(tries);
  });

  it('gives up on a server that is silent', async () => {
    const stub = await stubServer({ delay: 500 });
    open.push(stub);
    const client = createServerClient({ url: stub.url, retries: 1, pause: 1, patience: 50 });
    await expect(readPrompt(client, 'known', PROMPT, 1)).rejects.toThrow(/no answer \(silent for 0.05 s\) in 2 tries/);
  });

  it('sends the key, and shows it nowhere', async () => {
    const echo = { status: 401, message: `Incorrect API key provided: ${KEY}.` };
    const { stub, read } = await faulty([echo], { key: KEY });
    const error = await read().catch((thrown: unknown) => thrown as Error);
    expect(stub.asked[0]!.authorization).toBe(`Bearer ${KEY}`);
    expect(String(error)).toMatch(/provided: \[the key\]\.\)/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(KEY);

    const leading = await faulty([{ status: 302, location: `http://elsewhere/?key=${KEY}` }], { key: KEY });
    const redirect = await leading.read().catch((thrown: unknown) => thrown as Error);
    expect(String(redirect)).toMatch(/leads on to http:\/\/elsewhere\/\?key=\[the key\]/);

    const saying = await faulty([{ status: 429, retryAfter: '1', message: KEY }, undefined], { key: KEY });
    await saying.read();
    expect(saying.said.join()).toMatch(/429 \(\[the key\]\)/);
    const words = await faulty([{ text: `{${KEY}` }], { key: KEY });
    expect(String(await words.read().catch((thrown: unknown) => thrown))).not.toContain(KEY);
  });

  it.each<readonly [string, Partial<ServerOptions>, RegExp]>([
    ['no address', { url: 'localhost' }, /--server must be an address like .*got "localhost"/],
    ['a file', { url: 'file:///etc/passwd' }, /must begin with http/],
    ['a password in the address', { url: `http://me:${KEY}@host` }, /no user, password, query .*OPENAI_API_KEY/],
    ['a key in the address', { url: `http://host/v1?key=${KEY}` }, /no user, password, query .*OPENAI_API_KEY/],
    ['a key of two lines', { url: 'http://host', key: `${KEY}\nx` }, /OPENAI_API_KEY must be one word .*not shown/],
  ])('refuses %s without showing a secret', (_, options, message) => {
    let error: unknown;
    try {
      createServerClient({ url: 'http://host', ...options });
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain(KEY);
  });

  it.each([
    ['http://h:8000', 'http://h:8000/v1'],
    ['http://h:8000/', 'http://h:8000/v1'],
    ['http://h:8000/v1/', 'http://h:8000/v1'],
    ['https://h/openai/v1', 'https://h/openai/v1'],
    ['https://h/v1/completions', 'https://h/v1'],
  ])('takes %s for %s', (url, base) => {
    expect(createServerClient({ url }).base).toBe(base);
  });
});
