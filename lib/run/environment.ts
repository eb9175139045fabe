import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WORKBOOK_ROOT } from '../files';

/** The machine and the software, without the machine's or its user's name. */
export interface Environment {
  readonly workbook: string;
  /** Null outside a git work tree. */
  readonly commit: string | null;
  /** Files of lib/, data/ or the lockfile differ from the commit; null without one. */
  readonly modified: boolean | null;
  readonly node: string;
  readonly os: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryGiB: number;
  /** Of the package's own dependencies, as installed; null for one that is not. */
  readonly dependencies: Readonly<Record<string, string | null>>;
}

/**
 * What a run rests on.
 * @param root the workbook's folder, with its package.json
 */
export async function environment(root: string = WORKBOOK_ROOT): Promise<Environment> {
  const workbook = await readPackage(root);
  const names = Object.keys(workbook?.dependencies ?? {}).sort();
  const versions = names.map(async (name): Promise<[string, string | null]> => {
    const installed = await readPackage(join(root, 'node_modules', name));
    return [name, installed?.version ?? null];
  });
  const processors = cpus();
  return {
    workbook: workbook?.version ?? 'unknown',
    ...(await commitOf(root)),
    node: process.version,
    os: `${platform()} ${release()} ${arch()}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cpuCount: processors.length,
    memoryGiB: Number((totalmem() / 2 ** 30).toFixed(1)),
    dependencies: Object.fromEntries(await Promise.all(versions)),
  };
}

interface Package {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function readPackage(folder: string): Promise<Package | null> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Package);
}

const run = promisify(execFile);

/** The commit of `root` itself, not of a repository that merely lies around it. */
async function commitOf(root: string): Promise<Pick<Environment, 'commit' | 'modified'>> {
  const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim();
  try {
    const top = await git('rev-parse', '--show-toplevel');
    if ((await realpath(top)) !== (await realpath(root))) return { commit: null, modified: null };
    const commit = await git('rev-parse', 'HEAD');
    const changes = await git('status', '--porcelain', '--', 'lib', 'data', 'package-lock.json');
    return { commit, modified: changes !== '' };
  } catch {
    return { commit: null, modified: null };
  }
}
