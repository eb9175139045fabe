import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openEncoder } from '../../lib/decontaminate/encoder';
import { fetchEncoder, HUB_ENCODER } from '../../lib/decontaminate/hub';
import { openDevice } from '../../lib/engine/device';
import { writeTransformer } from './small-encoders';

/** A server that speaks the Hub's paths, /OWNER/NAME/resolve/REVISION/FILE, redirecting large files as the Hub does. */

let root: string;
let cache: string;
let server: Server;
let host: string;
let asked: string[];
let answer: RequestListener;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hub-'));
  await writeTransformer(join(root, 'served'));
  server = createServer((request, response) => {
    asked.push(request.url!);
    void answer(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  cache = join(root, `cache-${count++}`);
  asked = [];
  answer = async (request, response) => {
    const prefix = `/${HUB_ENCODER}/resolve/main/`;
    const name = request.url!.startsWith('/cdn/') ? request.url!.slice(5) : request.url!.slice(prefix.length);
    if (request.url!.startsWith(prefix) && name.endsWith('.onnx')) {
      response.writeHead(302, { location: `/cdn/${name}` }).end();
      return;
    }
    const bytes = await readFile(join(root, 'served', name));
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  };
});
afterAll(async () => {
  server.close();
  await rm(root, { recursive: true });
});

it('fetches a folder that opens, once', async () => {
  const said: string[] = [];
  const folder = await fetchEncoder(cache, { host, say: (line) => said.push(line) });
  expect(said).toEqual([`fetching ${HUB_ENCODER} from ${host}`]);
  const device = await openDevice('cpu', 1);
  const encoder = await openEncoder(folder, device);
  expect(encoder.description).toMatchObject({ name: 'all-MiniLM-L6-v2', dimension: 3, maxSeqLength: 6 });
  await encoder.dispose();
  const before = asked.length;
  expect(asked[0]).toBe(`/${HUB_ENCODER}/resolve/main/modules.json`);
  await fetchEncoder(cache, { host });
  expect(asked).toHaveLength(before);
});

it('says what the Hub answered, and leaves no half of a file', async () => {
  const whole = answer;
  answer = (request, response) => {
    if (!request.url!.endsWith('tokenizer.json')) return whole(request, response);
    response.writeHead(200, { 'content-length': 1000 }).write('half');
    setTimeout(() => response.destroy(), 20);
  };
  await expect(fetchEncoder(cache, { host })).rejects.toThrow();
  const left = await readdir(join(cache, HUB_ENCODER), { recursive: true });
  expect(left.filter((name) => /tokenizer\.json|tmp/.test(name))).toEqual([]);
  answer = (_, response) => response.writeHead(404).end();
  await expect(fetchEncoder(cache, { host })).rejects.toThrow(
    /hub: .*\/resolve\/main\/tokenizer.json cannot be fetched \(status 404\); give an encoder's folder with --encoder/,
  );
  answer = whole;
  await openEncoder(await fetchEncoder(cache, { host }), await openDevice('cpu', 1)).then((e) => e.dispose());
});

it('gives up where nobody listens', async () => {
  await expect(fetchEncoder(cache, { host: 'http://127.0.0.1:9' })).rejects.toThrow(
    /cannot be fetched \((ECONNREFUSED|.*)\); give an encoder's folder/,
  );
});
