import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Hub on loopback: its API, its files, and a second host that its large files lie on, as the real one has them. */

export interface StubFile {
  readonly content: Buffer;
  /** How it is stored: in git itself, or as an LFS or Xet file on the other host. Default: git. */
  readonly stored?: 'git' | 'lfs' | 'xet';
  /** What the listing says of it, where that is another thing than the truth. */
  readonly listed?: { readonly size?: number; readonly sha256?: string };
}

export interface StubRepo {
  readonly type: 'dataset' | 'model';
  readonly commit: string;
  readonly files: Readonly<Record<string, StubFile>>;
  readonly licence?: string;
  /** Refuses whoever has no token of this account. */
  readonly gated?: boolean;
}

/** What goes wrong with one answer. */
export interface Fault {
  readonly status?: number;
  readonly retryAfter?: string;
  /** The connection breaks after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Nothing more comes after so many bytes, and the connection stays. */
  readonly stallAfter?: number;
  /** Bytes in place of the content's. */
  readonly content?: Buffer;
  /** Takes no notice of a Range. */
  readonly noRange?: boolean;
}

export interface Seen {
  readonly host: 'hub' | 'cdn';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface StubHub {
  readonly endpoint: string;
  readonly requests: Seen[];
  /** Bytes of content sent, by 'org/name/path'. */
  readonly served: Map<string, number>;
  /** Asked before each answer; `times` counts the answers for that path from 1. */
  fault: (request: Seen, times: number) => Fault | undefined;
  close(): Promise<void>;
}

export const TOKEN = 'hf_stubTokenThatNobodyMayKeep';

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const gitSha1 = (content: Buffer) =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

/** @param plain files of no repository, by their path: what GitHub's raw files are to the fetching */
export async function stubHub(
  repos: Readonly<Record<string, StubRepo>>,
  plain: Readonly<Record<string, Buffer>> = {},
): Promise<StubHub> {
  const requests: Seen[] = [];
  const served = new Map<string, number>();
  const times = new Map<string, number>();
  const hub: StubHub = { endpoint: '', requests, served, fault: () => undefined, close: async () => {} };
  let cdnOrigin = '';

  const see = (host: 'hub' | 'cdn', request: IncomingMessage): { seen: Seen; fault: Fault | undefined } => {
    const { pathname } = new URL(request.url!, 'http://stub');
    const { range, authorization } = request.headers;
    const seen = { host, path: decodeURIComponent(pathname), range, authorization };
    requests.push(seen);
    const key = `${host} ${pathname}`;
    times.set(key, (times.get(key) ?? 0) + 1);
    return { seen, fault: hub.fault(seen, times.get(key)!) };
  };

  const fail = (response: ServerResponse, status: number, code?: string, retryAfter?: string) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(code ? { 'x-error-code': code } : {}),
      ...(retryAfter ? { 'retry-after': retryAfter } : {}),
    });
    response.end(JSON.stringify({ error: code ?? `status ${status}` }));
  };

  const send = (
    response: ServerResponse,
    key: string,
    truth: Buffer,
    seen: Seen,
    fault: Fault | undefined,
    etag: string,
  ) => {
    const content = fault?.content ?? truth;
    const range = fault?.noRange ? null : /^bytes=(\d+)-$/.exec(seen.range ?? '');
    const start = range ? Number(range[1]) : 0;
    const body = content.subarray(start);
    response.writeHead(range ? 206 : 200, {
      etag,
      'content-length': body.length,
      ...(range ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
    });
    const end = fault?.cutAfter ?? fault?.stallAfter;
    const piece = end === undefined ? body : body.subarray(0, end);
    served.set(key, (served.get(key) ?? 0) + piece.length);
    if (end === undefined) return response.end(piece);
    return response.write(piece, () => {
      // The bytes shall arrive before the connection breaks.
      if (fault?.cutAfter !== undefined) setTimeout(() => response.destroy(), 20);
    });
  };

  const answerHub = (request: IncomingMessage, response: ServerResponse) => {
    const { seen, fault } = see('hub', request);
    if (fault?.status) return fail(response, fault.status, undefined, fault.retryAfter);
    const file = plain[seen.path];
    if (file) {
      if (request.method === 'HEAD') {
        response.writeHead(200, { etag: `"${sha256(file)}"`, 'content-length': file.length });
        return response.end();
      }
      return send(response, seen.path, file, seen, fault, `"${sha256(file)}"`);
    }
    const api = /^\/api\/(model|dataset)s\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)/.exec(seen.path);
    const resolve = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(seen.path);
    if (!api && !resolve) return fail(response, 404);
    const id = api?.[2] ?? resolve?.[2] ?? '';
    const type = api?.[1] ?? (resolve?.[1] ? 'dataset' : 'model');
    const repo = repos[id];
    if (!repo || repo.type !== type) {
      return fail(response, seen.authorization ? 404 : 401, 'RepoNotFound');
    }
    const revision = api?.[4] ?? resolve![3]!;
    if (![repo.commit, 'main'].includes(revision)) return fail(response, 404, 'RevisionNotFound');
    const welcome = !repo.gated || seen.authorization === `Bearer ${TOKEN}`;
    if (api?.[3] === 'revision') {
      response.setHeader('content-type', 'application/json');
      const cardData = repo.licence ? { license: repo.licence } : {};
      return response.end(JSON.stringify({ id, sha: repo.commit, gated: repo.gated ? 'manual' : false, cardData }));
    }
    if (!welcome) return fail(response, seen.authorization ? 403 : 401, 'GatedRepo');
    if (api) return list(request, response, repo);
    // What huggingface_hub asks of a file before it fetches it.
    response.setHeader('x-repo-commit', repo.commit);
    const path = resolve![4]!;
    const wanted = repo.files[path];
    if (!wanted) return fail(response, 404, 'EntryNotFound');
    if ((wanted.stored ?? 'git') === 'git') {
      return send(response, `${id}/${path}`, wanted.content, seen, fault, `"${gitSha1(wanted.content)}"`);
    }
    response.writeHead(302, {
      location: `${cdnOrigin}/${id}/${path}?X-Amz-Signature=signed`,
      'x-linked-etag': `"${sha256(wanted.content)}"`,
      'x-linked-size': String(wanted.content.length),
      ...(wanted.stored === 'xet' ? { 'x-xet-hash': 'f'.repeat(64) } : {}),
    });
    return response.end();
  };

  /** In pages of three, as the real one has pages of a thousand. */
  const list = (request: IncomingMessage, response: ServerResponse, repo: StubRepo) => {
    const url = new URL(request.url!, hub.endpoint);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const entries = Object.entries(repo.files).map(([path, { content, stored = 'git', listed }]) => {
      const size = listed?.size ?? content.length;
      const oid = listed?.sha256 ?? sha256(content);
      const pointer = gitSha1(
        Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`),
      );
      return {
        type: 'file',
        path,
        size,
        oid: stored === 'git' ? gitSha1(content) : pointer,
        ...(stored === 'git' ? {} : { lfs: { oid, size, pointerSize: 134 } }),
        ...(stored === 'xet' ? { xetHash: 'f'.repeat(64) } : {}),
      };
    });
    url.searchParams.set('cursor', String(from + 3));
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(from + 3 < entries.length ? { link: `<${url.href}>; rel="next"` } : {}),
    });
    response.end(
      JSON.stringify(
        entries.slice(from, from + 3).concat(from === 0 ? ([{ type: 'directory', path: 'data' }] as never) : []),
      ),
    );
  };

  const answerCdn = (request: IncomingMessage, response: ServerResponse) => {
    const { seen, fault } = see('cdn', request);
    if (fault?.status) return fail(response, fault.status, undefined, fault.retryAfter);
    const [, owner, name, ...rest] = seen.path.split('/');
    const file = repos[`${owner}/${name}`]?.files[rest.join('/')];
    return file ? send(response, seen.path.slice(1), file.content, seen, fault, '"of-the-cdn"') : fail(response, 404);
  };

  const servers = [createServer(answerHub), createServer(answerCdn)];
  const [hubOrigin, cdn] = await Promise.all(servers.map(listen));
  cdnOrigin = cdn!;
  return Object.assign(hub, {
    endpoint: hubOrigin!,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
    },
  });
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
