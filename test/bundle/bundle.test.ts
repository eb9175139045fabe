import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeArchive } from '../../lib/run/bundle/archive';
import { isForeign, type Machine } from '../../lib/run/bundle/binaries';
import { type BundleContents, bundleContents } from '../../lib/run/bundle/contents';
import { folderEntries, textEntry } from '../../lib/run/bundle/entry';
import { nodeEntries } from '../../lib/run/bundle/node';
import { productionPackages } from '../../lib/run/bundle/packages';

/**
 * `med42 bundle`. What it packs is laid out as the archive would unpack, without packing it, and run there without a Node on
 * the PATH and, where this process may, without a network. test/bundle/prove.sh does the whole.
 */

const ROOT = join(__dirname, '..', '..');
const BASE = join(ROOT, 'data', 'miniature', 'base');
// Within the repository, so that files can be linked and need not be copied.
mkdirSync(join(ROOT, 'results'), { recursive: true });
const work = mkdtempSync(join(ROOT, 'results', 'bundle-test-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function layOut({ folder, entries }: BundleContents): string {
  for (const { path, from, isProgram } of entries) {
    const to = join(work, folder, path);
    mkdirSync(dirname(to), { recursive: true });
    if (typeof from !== 'string') writeFileSync(to, from.text, { mode: isProgram ? 0o755 : 0o644 });
    else place(from, to);
  }
  return join(work, folder);
}

/** A link where both lie on one disk. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    spawnSync('cp', [from, to]);
  }
}

let contents: BundleContents;
beforeAll(async () => {
  contents = await bundleContents({ root: ROOT, device: 'cpu', model: { folder: BASE, name: 'mine' } });
});

describe('what is packed', () => {
  it('is Node, the built workbook, its packages, data and notebooks', () => {
    const paths = new Set(contents.entries.map(({ path }) => path));
    expect(paths.size).toBe(contents.entries.length);
    for (const path of [
      ...['med42', 'README.md', 'LICENCES.md', 'node/bin/node', 'node/LICENSE', 'workbook/LICENSE'],
      ...['workbook/dist/index.js', 'workbook/dist/index.d.ts', 'workbook/dist/.built', 'workbook/lib/cli/bin.js'],
      ...['workbook/lib/run/handoff/folder/train.py', 'workbook/data/miniature/base/model.safetensors'],
      ...['workbook/notebooks/README.md', 'workbook/node_modules/tslab/package.json'],
      'workbook/node_modules/onnxruntime-node/package.json',
    ]) {
      expect(paths, path).toContain(path);
    }
    const others = [...paths].filter((path) =>
      /node_modules\/(vitest|typescript|@biomejs|playwright-core)\/|win32|darwin|musl|^workbook\/(lib\/.*\.ts|test)/.test(
        path,
      ),
    );
    expect(others.filter((path) => /\.(node|dll|dylib|so|exe|ts)$/.test(path) && !path.endsWith('.d.ts'))).toEqual([]);
    expect(contents.bytes).toBeLessThan(450e6);
    const mine = contents.entries.filter(({ path }) => path.startsWith('models/mine/'));
    expect(mine.map(({ path }) => path)).toContain('models/mine/model.safetensors');
    expect(contents.chosenBytes).toBe(mine.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('names the licence of every package, and packs the texts that came with them', () => {
    const licences = contents.entries.find(({ path }) => path === 'LICENCES.md')!.from as { readonly text: string };
    for (const { name, version } of productionPackages(ROOT)) expect(licences.text).toContain(`| ${name} ${version} |`);
    expect(licences.text).not.toContain('none stated');
    const named = [...licences.text.matchAll(/workbook\/[^ ,|]+/g)].map(([path]) => path);
    expect(named.length).toBeGreaterThan(60);
    const paths = new Set(contents.entries.map(({ path }) => path));
    expect(named.filter((path) => !paths.has(path))).toEqual([]);
  });

  it('runs where it lies, without Node on the PATH and without a network', () => {
    const folder = layOut(contents);
    const tools = join(work, 'tools');
    mkdirSync(tools);
    for (const tool of ['sh', 'dirname', 'readlink']) {
      spawnSync('ln', [
        '-s',
        spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim(),
        join(tools, tool),
      ]);
    }
    const unshare = spawnSync('unshare', ['--map-root-user', '--net', 'true']).status === 0;
    const alone = (...args: readonly string[]) => {
      const words = [
        ...(unshare ? ['unshare', '--map-root-user', '--net'] : []),
        'env',
        '-i',
        `PATH=${tools}`,
        `HOME=${work}`,
      ];
      return spawnSync(words[0]!, [...words.slice(1), ...args], { cwd: work, encoding: 'utf8' });
    };
    expect(alone('sh', '-c', 'command -v node').status).not.toBe(0);
    // Through a link, as a person puts it on the PATH.
    spawnSync('ln', ['-s', join(folder, 'med42'), join(work, 'linked')]);
    const options = ['--tasks', 'medqa_4options', '--limit', '3', '--out', join(work, 'scored')];
    const own = ['--model', join(folder, 'models', 'mine')];
    const { status, stdout, stderr } = alone(join(work, 'linked'), 'score', ...own, ...options);
    expect([status, stderr]).toEqual([0, expect.stringContaining('3/3')]);
    expect(stdout).toMatch(/^medqa_4options +3 /m);
    const here = spawnSync(process.execPath, [
      join(ROOT, 'lib', 'cli', 'bin.js'),
      'score',
      ...options.slice(0, -1),
      join(work, 'here'),
    ]);
    expect(here.status).toBe(0);
    expect(readFileSync(join(work, 'scored', 'items.jsonl'), 'utf8')).toBe(
      readFileSync(join(work, 'here', 'items.jsonl'), 'utf8'),
    );
  });
});

describe('an archive', () => {
  const small = [textEntry('a/med42', '#!/bin/sh\necho "$0"\n', true), textEntry('a/empty', '')];

  it('unpacks to the files, with their modes, and its checksum fits', async () => {
    const long = join(work, 'long', 'x'.repeat(120));
    mkdirSync(long, { recursive: true });
    writeFileSync(join(long, 'y'.repeat(120)), Buffer.alloc(3e6, 7));
    const entries = [...small, ...(await folderEntries('b', join(work, 'long')))];
    const out = join(work, 'small.tar.xz');
    const seen: number[] = [];
    const { bytes, sha256 } = await writeArchive(out, 'top', entries, (packed) => seen.push(packed));
    expect(seen.at(-1)).toBe(entries.reduce((sum, one) => sum + one.bytes, 0));
    const archive = readFileSync(out);
    expect([archive.length, createHash('sha256').update(archive).digest('hex')]).toEqual([bytes, sha256]);
    expect(spawnSync('sha256sum', ['-c', 'small.tar.xz.sha256'], { cwd: work, encoding: 'utf8' }).stdout).toContain(
      'OK',
    );
    mkdirSync(join(work, 'unpacked'));
    expect(spawnSync('tar', ['-xJf', out, '-C', join(work, 'unpacked')]).status).toBe(0);
    const unpacked = join(work, 'unpacked', 'top');
    expect(spawnSync(join(unpacked, 'a', 'med42')).status).toBe(0);
    expect(readFileSync(join(unpacked, 'a', 'empty'), 'utf8')).toBe('');
    const big = readFileSync(join(unpacked, 'b', 'x'.repeat(120), 'y'.repeat(120)));
    expect(big.equals(Buffer.alloc(3e6, 7))).toBe(true);
  });

  const changed = (name: string, bytes: number) => {
    writeFileSync(join(work, 'changing'), 'x'.repeat(500));
    return [...small, { path: 'c', from: join(work, name), bytes, isProgram: false }];
  };

  it('holds what a file was when it was listed, though it grows', async () => {
    const out = join(work, 'grown', 'x.tar.xz');
    await writeArchive(out, 'top', changed('changing', 10));
    expect(spawnSync('tar', ['-xJOf', out, 'top/c'], { encoding: 'utf8' }).stdout).toBe('xxxxxxxxxx');
  });

  it.each([
    ['shrinks', changed('changing', 1000)],
    ['is gone', changed('gone', 1)],
  ])('is not left behind when a file %s while it is packed', async (_, entries) => {
    const out = join(work, 'broken', 'x.tar.xz');
    await expect(writeArchive(out, 'top', entries)).rejects.toThrow(
      /^bundle: .*(changing|gone) could not be packed: .*run the command again/,
    );
    expect(readdirSync(join(work, 'broken'))).toEqual([]);
  });

  it('is not left behind when it is stopped', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    const out = join(work, 'stopped', 'x.tar.xz');
    await expect(writeArchive(out, 'top', small, undefined, stop.signal)).rejects.toThrow('stopped');
    expect(readdirSync(join(work, 'stopped'))).toEqual([]);
  });
});

describe('what is missing is named', () => {
  it('a package, one of a package, but no optional one', () => {
    const root = join(work, 'installed');
    const write = (folder: string, manifest: object) => {
      mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(join(root, folder, 'package.json'), JSON.stringify({ version: '1.0.0', ...manifest }));
    };
    write('', { name: 'root', dependencies: { a: '1' }, devDependencies: { d: '1' } });
    expect(() => productionPackages(root)).toThrow(/package a, which root 1\.0\.0 needs, is not installed in .*npm ci/);
    write('node_modules/a', { name: 'a', license: 'MIT', dependencies: { b: '1' }, optionalDependencies: { c: '1' } });
    expect(() => productionPackages(root)).toThrow(/package b, which a 1\.0\.0 needs, is not installed/);
    write('node_modules/a/node_modules/b', { name: 'b', licenses: [{ type: 'ISC' }, { type: 'MIT' }] });
    write('node_modules/d', { name: 'd' });
    expect(productionPackages(root).map(({ name, licence }) => `${name}: ${licence}`)).toEqual([
      'a: MIT',
      'b: ISC or MIT',
    ]);
  });

  it.each([
    [{ device: 'xla:tpu' as const }, /no plug-in for xla:tpu is installed whole in .*`npx med42 xla install tpu`/],
    [{ device: 'xla' as const }, /--device must be one of cpu, webgpu, tfjs, xla:cuda, .*got "xla"/],
    [{ device: 'cuda' as const }, /--device must be one of .*got "cuda"/],
    [{ data: ROOT }, /has neither train\/ nor eval\//],
    [{ model: { folder: join(ROOT, 'data'), name: 'data' } }, /config\.json/],
  ])('%j', async (choice, message) => {
    await expect(bundleContents({ root: ROOT, device: 'cpu', ...choice })).rejects.toThrow(message);
  });

  it('Node’s licence', async () => {
    await expect(nodeEntries(process.execPath, work)).rejects.toThrow(
      /Node's licence must go with it, and .*share\/doc\/nodejs/,
    );
  });

  it('a folder that is not built', async () => {
    const root = join(work, 'unbuilt');
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"name":"x","version":"1.0.0"}');
    await expect(bundleContents({ root, device: 'cpu' })).rejects.toThrow(/dist is not built; run `npm run build`/);
  });
});

describe('machine code', () => {
  const machine = (platform: string, arch: string, libc: Machine['libc'] = null): Machine => ({ platform, arch, libc });
  const linux = machine('linux', 'x64', 'glibc');
  /** The first bytes of programs, as `readelf -h`, `otool -h` and `dumpbin /headers` show them. */
  const elf = (processor: number) =>
    Buffer.concat([Buffer.from('7f454c46020101', 'hex'), Buffer.alloc(11), Buffer.from([processor, 0])]);
  const macho = (processor: number) => Buffer.from([0xcf, 0xfa, 0xed, 0xfe, processor, 0, 0, 1]);
  const pe = (processor: number) => {
    const head = Buffer.alloc(256);
    head.write('MZ');
    head.writeUInt32LE(0x80, 0x3c);
    head.write('PE\0\0', 0x80);
    head.writeUInt16LE(processor, 0x84);
    return head;
  };

  it.each<readonly [string, Buffer, Machine, boolean]>([
    ['a.node', elf(62), linux, false],
    ['liba.so.1', elf(183), linux, true],
    ['a.node', elf(183), machine('linux', 'arm64', 'glibc'), false],
    ['a.linux-x64-musl.node', elf(62), linux, true],
    ['a.linux-x64-gnu.node', elf(62), machine('linux', 'x64', 'musl'), true],
    ['a.android-arm64.node', elf(183), machine('linux', 'arm64', 'glibc'), true],
    ['a.dylib', macho(12), linux, true],
    ['a.dylib', macho(12), machine('darwin', 'arm64'), false],
    ['a.dylib', macho(7), machine('darwin', 'arm64'), true],
    ['a.dll', pe(0x8664), linux, true],
    ['a.dll', pe(0x8664), machine('win32', 'x64'), false],
    ['a.js', elf(183), linux, false],
    ['short.so', Buffer.from('x'), linux, false],
  ])('%s %# is told by its first bytes', async (name, bytes, on, foreign) => {
    const folder = mkdtempSync(join(tmpdir(), 'binary-'));
    writeFileSync(join(folder, name), bytes);
    expect(await isForeign(join(folder, name), on)).toBe(foreign);
    rmSync(folder, { recursive: true });
  });
});

it('lists without packing', () => {
  const words = [join(ROOT, 'lib', 'cli', 'bin.js'), 'bundle', '--list'];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', maxBuffer: 1 << 26 });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ *\d+ {2}med42-[\d.]+-\w+-\w+\/med42$/m);
});
