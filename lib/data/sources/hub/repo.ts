import { assertInside, type CachedFile, cachedFiles, type RepoName, readLicence, readRef } from './cache';
import { type Client, FetchError } from './http';

/** A file of a repository, as the Hub lists it. */
export interface RepoFile {
  /** Inside the repository, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /** The name of its blob in the cache: the sha256 of an LFS or Xet file, else the git hash. */
  readonly etag: string;
  readonly sha256: string | undefined;
  readonly gitSha1: string | undefined;
}

/** A repository at one commit. */
export interface Repo extends RepoName {
  readonly revision: string;
  readonly commit: string;
  /** As its card says; undefined where it says none. */
  readonly licence: string | undefined;
  /** Undefined where the repository was opened from the cache. */
  readonly files: readonly RepoFile[];
}

/**
 * A repository's commit, licence and files, through @huggingface/hub.
 *
 * @throws saying what the Hub refused: gated, private or not there
 */
export async function openRepo(client: Client, name: RepoName, revision = 'main'): Promise<Repo> {
  const { type, id } = name;
  const { datasetInfo, listFiles, modelInfo } = await import('@huggingface/hub');
  // The library's own fetch would send a token with each address; the client knows where it may go.
  const params = { hubUrl: client.endpoint, fetch: client.request as typeof fetch };
  try {
    const asked = { ...params, name: id, revision };
    const info =
      type === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha', 'cardData'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha', 'cardData'] });
    const commit = info.sha;
    const files: RepoFile[] = [];
    for await (const entry of listFiles({ ...params, repo: { type, name: id }, revision: commit, recursive: true })) {
      if (entry.type !== 'file') continue;
      assertInside(entry.path, id);
      const sha256 = entry.lfs?.oid.replace(/^sha256:/, '');
      const etag = sha256 ?? entry.oid;
      if (etag === undefined || !/^[0-9a-f]{40,64}$/.test(etag)) {
        throw new Error(`fetch: the Hub lists ${id}/${entry.path} without a hash; it cannot be checked`);
      }
      files.push({
        path: entry.path,
        size: entry.lfs?.size ?? entry.size,
        etag,
        sha256,
        gitSha1: sha256 === undefined ? entry.oid : undefined,
      });
    }
    return { ...name, revision, commit, licence: licenceOf(info.cardData), files };
  } catch (error) {
    throw explain(error, client, name, revision);
  }
}

/**
 * A repository as the cache has it, without a network.
 *
 * @throws when the cache does not know the revision
 */
export async function openCachedRepo(
  cache: string,
  name: RepoName,
  revision = 'main',
): Promise<{ readonly commit: string; readonly licence: string | undefined; readonly files: readonly CachedFile[] }> {
  const commit = readRef(cache, name, revision);
  if (commit === undefined) {
    throw new Error(
      `fetch: the cache ${cache} has no ${name.id} at ${revision}; fetch it with a network, without HF_HUB_OFFLINE`,
    );
  }
  return { commit, licence: readLicence(cache, name, commit), files: await cachedFiles(cache, name, commit) };
}

function licenceOf(card: unknown): string | undefined {
  const { license, license_name: named } = (card ?? {}) as { license?: unknown; license_name?: unknown };
  const all = [Array.isArray(license) ? license.join(', ') : license, named].filter((one) => typeof one === 'string');
  return all.length > 0 ? [...new Set(all)].join(': ') : undefined;
}

/** Says of a refusal what it may mean: the Hub answers 401 alike for what is private, gated or not there. */
export function explain(error: unknown, { endpoint }: Client, { type, id }: RepoName, revision: string): unknown {
  if (!(error instanceof FetchError) || error.status === undefined) return error;
  const page = `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}`;
  const say = (what: string) => new FetchError(`fetch: ${id} ${what}`, error.status, error.code, { cause: error });
  if (error.code === 'GatedRepo' || error.status === 403) {
    return say(
      `is gated or closed to you (${error.status}): ask for access on ${page}, then set HF_TOKEN to a token of that account that may read gated repositories`,
    );
  }
  if (error.status === 401) {
    return say(
      `is refused (401): it is private, gated or not there, or HF_TOKEN is not valid; look at ${page} and set HF_TOKEN to a token of an account that may read it`,
    );
  }
  if (error.status === 404) {
    return error.code === 'RevisionNotFound'
      ? say(`has no revision ${revision} (404); look at ${page}`)
      : say(`is not there (404); its owner may have moved or deleted it: look at ${page}`);
  }
  return error;
}
