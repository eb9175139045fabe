import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readInstalled } from '../../lib/engine/xla/plugins/cache';
import { PLUGIN_NAMES, pluginEntry, readRequirements } from '../../lib/engine/xla/plugins/catalogue';
import { findPlugin } from '../../lib/engine/xla/plugins/find';
import { type InstallPlan, installPlugin, planInstall } from '../../lib/engine/xla/plugins/install';
import { WORKBOOK_ROOT } from '../../lib/files';
import { type ZipEntry, zipOf } from './zip';

/** Plug-ins installed from small wheels of this test's own, and found again. */

let root: string;
let wheels: string;
let cache: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'med42-xla-'));
  [wheels, cache] = [join(root, 'wheels'), join(root, 'cache', 'med42', 'xla')];
  mkdirSync(wheels);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const entry = pluginEntry('cuda13');
const library: ZipEntry = { name: entry.library, content: Buffer.from('a library'), mode: 0o100755 };
const ptxas: ZipEntry = { name: 'nvidia/cu13/bin/ptxas', content: Buffer.from('a program'), mode: 0o100755 };

/** Writes wheels, and a plan that pins them. */
function planOf(contents: Readonly<Record<string, readonly ZipEntry[]>>, complete = true): InstallPlan {
  const machine = `${process.platform === 'darwin' ? 'macosx_11_0' : 'manylinux_2_27'}_${process.arch === 'x64' ? 'x86_64' : process.platform === 'darwin' ? 'arm64' : 'aarch64'}`;
  const packages = Object.entries(contents).map(([name, entries]) => {
    const zip = zipOf(entries);
    const file = `${name}-1.0-py3-none-${machine}.whl`;
    writeFileSync(join(wheels, file), zip);
    const sha256 = createHash('sha256').update(zip).digest('hex');
    return { name, version: '1.0', licence: 'MIT', wheels: [{ file, bytes: zip.length, sha256 }] };
  });
  return { entry, packages, complete, downloadBytes: 0, licences: [] };
}

const nothingIsLeft = () => {
  expect(readInstalled(entry, cache)).toBeUndefined();
  expect(readdirSync(cache)).toEqual([]);
};

test('the pins of every plug-in are whole', () => {
  for (const name of PLUGIN_NAMES) {
    const packages = readRequirements(name);
    expect(packages.length).toBeGreaterThan(0);
    for (const { wheels: files, licence } of packages) {
      expect(licence).not.toBe('');
      for (const { file, bytes, sha256 } of files)
        expect([file, bytes > 1e6, sha256.length]).toEqual([expect.stringMatching(/\.whl$/), true, 64]);
    }
  }
  const small = planInstall(pluginEntry('cuda13'), { compileOnly: true });
  expect(small.packages.map((p) => p.name)).toEqual(['jax-cuda13-pjrt', 'nvidia-cuda-nvcc', 'nvidia-nvvm']);
  expect(small.downloadBytes).toBeLessThan(3e8);
  expect(() => planInstall(pluginEntry('rocm7'), { compileOnly: true })).toThrow(
    '--compile-only is for cuda12 and cuda13',
  );
  expect(() => pluginEntry('cuda11')).toThrow(
    'unknown plug-in "cuda11"; use one of cuda13, cuda12, rocm7, oneapi, metal, tpu, cpu',
  );
});

describe('an installation', () => {
  test('lays the wheels side by side, is found, and is replaced by the next', async () => {
    const folder = await installPlugin(planOf({ plugin: [library], nvcc: [ptxas] }), { cache, from: wheels });
    expect(folder).toBe(join(cache, 'cuda13'));
    expect(statSync(join(folder, ptxas.name)).mode & 0o111).toBe(0o111);
    expect(readdirSync(cache)).toEqual(['cuda13']);
    const env = { XDG_CACHE_HOME: join(root, 'cache'), PATH: '' };
    expect(findPlugin('xla', { env })).toMatchObject({
      file: join(folder, entry.library),
      cudaDataDir: join(folder, 'nvidia', 'cu13'),
      complete: true,
    });
    // What this library pins is another version.
    expect(readInstalled(entry, cache)).toMatchObject({ packages: ['plugin==1.0', 'nvcc==1.0'], outdated: true });
    await installPlugin(planOf({ plugin: [{ ...library, content: Buffer.from('newer') }] }, false), {
      cache,
      from: wheels,
    });
    expect(readFileSync(join(folder, entry.library), 'utf8')).toBe('newer');
    expect(existsSync(join(folder, ptxas.name))).toBe(false);
    expect(() => findPlugin('xla:cuda', { env })).toThrow(
      'was installed to compile only; type `med42 xla install cuda13`',
    );
    expect(findPlugin('xla:cuda', { env, compileOnly: true }).file).toBe(join(folder, entry.library));
  });

  test('with a wheel of another hash unpacks nothing', async () => {
    const plan = planOf({ nvcc: [ptxas], plugin: [library] });
    const { file, sha256 } = plan.packages[1]!.wheels[0]!;
    const changed = readFileSync(join(wheels, file));
    changed[40]! ^= 1;
    writeFileSync(join(wheels, file), changed);
    await expect(installPlugin(plan, { cache, from: wheels })).rejects.toThrow(
      `xla: ${join(wheels, file)} is not the wheel that was pinned: sha256 ${sha256} over ${changed.length} bytes was required, got `,
    );
    nothingIsLeft();
  });

  test('without one of its wheels names it', async () => {
    const plan = planOf({ nvcc: [ptxas], plugin: [library] });
    const { file } = plan.packages[0]!.wheels[0]!;
    rmSync(join(wheels, file));
    await expect(installPlugin(plan, { cache, from: wheels })).rejects.toThrow(
      `xla: ${wheels} lacks ${file}; \`pip download`,
    );
    nothingIsLeft();
  });

  test.each([
    ['../outside', 0o100644],
    ['a/../../outside', 0o100644],
    ['/tmp/med42-outside', 0o100644],
    ['..\\outside', 0o100644],
    ['C:/outside', 0o100644],
    ['nvidia/link', 0o120777],
  ])('of a wheel with the entry %s writes nothing there', async (name, mode) => {
    const bad = { name, content: Buffer.from('../../outside'), mode };
    const plan = planOf({ plugin: [library, bad] });
    await expect(installPlugin(plan, { cache, from: wheels })).rejects.toThrow(
      /^xla: plugin-1\.0-.*\.whl cannot be unpacked: .*nothing of it is kept$/,
    );
    nothingIsLeft();
    expect(existsSync('/tmp/med42-outside')).toBe(false);
    expect(readdirSync(root).sort()).toEqual(['cache', 'wheels']);
  });

  test('of a wheel that is no zip file, or lacks the library', async () => {
    const plan = planOf({ plugin: [ptxas] });
    await expect(installPlugin(plan, { cache, from: wheels })).rejects.toThrow(
      `the wheels of cuda13 hold no ${entry.library}`,
    );
    nothingIsLeft();
    const { file } = plan.packages[0]!.wheels[0]!;
    const text = Buffer.from('no zip file at all, though its hash is the pinned one');
    writeFileSync(join(wheels, file), text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const pinned = [{ ...plan.packages[0]!, wheels: [{ file, bytes: text.length, sha256 }] }];
    await expect(installPlugin({ ...plan, packages: pinned }, { cache, from: wheels })).rejects.toThrow(
      `${file} cannot be unpacked`,
    );
    nothingIsLeft();
  });

  test('that is killed leaves nothing that looks whole, and the next clears it away', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({ name: `nvidia/part-${i}`, content: Buffer.alloc(20_000) }));
    const plan = planOf({ plugin: [library, ...many] });
    const script = `require(${JSON.stringify(join(WORKBOOK_ROOT, 'dist/engine/xla/plugins/install.js'))})
      .installPlugin(JSON.parse(process.argv[1]), { cache: process.argv[2], from: process.argv[3] })`;
    const child = spawn(process.execPath, ['-e', script, JSON.stringify(plan), cache, wheels], { stdio: 'inherit' });
    const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    const unpacking = () =>
      existsSync(cache) && readdirSync(cache).some((f) => existsSync(join(cache, f, 'made', 'nvidia')));
    while (!unpacking()) await new Promise((resume) => setTimeout(resume, 2));
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(readInstalled(entry, cache)).toBeUndefined();
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^\.installing-/)]);
    await installPlugin(planOf({ plugin: [library] }), { cache, from: wheels });
    expect(readdirSync(cache)).toEqual(['cuda13']);
  });

  test('that is aborted leaves nothing', async () => {
    const plan = planOf({ plugin: [library] });
    await expect(installPlugin(plan, { cache, from: wheels, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    nothingIsLeft();
  });
});

const small = mkdtempSync(join(tmpdir(), 'med42-small-'));
const canMount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]).status === 0;
if (!canMount) console.warn('Skipped: a file system of 1 MB cannot be mounted here');
afterAll(() => {
  if (canMount) spawnSync('umount', ['-l', small]);
  rmSync(small, { recursive: true, force: true });
});
test.skipIf(!canMount)('a full disk: said, nothing is left, the former installation stays', async () => {
  await installPlugin(planOf({ plugin: [library] }), { cache: small, from: wheels });
  const large = { name: 'nvidia/large', content: Buffer.alloc(2 << 20) };
  const plan = planOf({ plugin: [{ ...library, content: Buffer.from('newer') }, large] });
  await expect(installPlugin(plan, { cache: small, from: wheels })).rejects.toThrow(
    /^files: no space left to write .*large/,
  );
  expect(readdirSync(small)).toEqual(['cuda13']);
  expect(readFileSync(join(small, 'cuda13', entry.library), 'utf8')).toBe('a library');
});

describe('by pip', () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });

  /** The only pip on the path: a script that is python3. */
  function standIn(script: string): void {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'python3'), `#!/bin/sh\nPATH='${path}'\n[ "$3" = --version ] && exit 0\n${script}\n`);
    chmodSync(join(bin, 'python3'), 0o755);
    process.env.PATH = bin;
  }

  test('it is asked for the pinned hashes, and its wheels are checked again', async () => {
    const plan = planOf({ plugin: [library], nvcc: [ptxas] });
    standIn(
      `echo "$@" > ${root}/asked; for last; do :; done; cp ${wheels}/*.whl "$last"; cp "$last/requirements.txt" ${root}`,
    );
    const folder = await installPlugin(plan, { cache });
    expect(readdirSync(cache)).toEqual(['cuda13']);
    expect(existsSync(join(folder, entry.library))).toBe(true);
    expect(readFileSync(join(root, 'asked'), 'utf8')).toMatch(
      /^-m pip download --no-deps .*--require-hashes -r .*requirements\.txt -d /,
    );
    const pins = plan.packages.map((p) => `${p.name}==1.0 --hash=sha256:${p.wheels[0]!.sha256}\n`);
    expect(readFileSync(join(root, 'requirements.txt'), 'utf8')).toBe(pins.join(''));
  });

  test('its refusal is told', async () => {
    standIn('echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1');
    await expect(installPlugin(planOf({ plugin: [library] }), { cache })).rejects.toThrow(
      'xla: `python3 -m pip download` ended with 1: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES',
    );
    nothingIsLeft();
  });

  test('without it, the folder is offered', async () => {
    process.env.PATH = root;
    await expect(installPlugin(planOf({ plugin: [library] }), { cache })).rejects.toThrow(
      'neither pip nor uv answers here',
    );
    nothingIsLeft();
  });
});

describe('a plug-in is looked for', () => {
  const none = () => ({ XDG_CACHE_HOME: join(root, 'cache'), PATH: '' });

  test('and where there is none, the message says where and what to type', () => {
    expect(() => findPlugin('xla:tpu', { env: none() })).toThrow(
      `xla: no plug-in for xla:tpu; looked in ${cache} for tpu and in no Python environment (neither VIRTUAL_ENV, CONDA_PREFIX nor ` +
        'python3 leads to one) for libtpu/libtpu.so; type `med42 xla install tpu` (`med42 xla list` shows the names), or name a file ' +
        'with --plugin',
    );
    expect(() => findPlugin('xla:gpu' as never, { env: none() })).toThrow(
      'unknown device "xla:gpu"; use xla, xla:cuda, ',
    );
  });

  test('in the active Python environment, with the libraries beside', () => {
    const site = join(root, 'venv', 'lib', 'python3.12', 'site-packages');
    for (const file of [entry.library, 'nvidia/cu13/bin/ptxas', 'nvidia/cu13/lib/libnvrtc.so.13']) {
      mkdirSync(join(site, file, '..'), { recursive: true });
      writeFileSync(join(site, file), '');
    }
    const env = { ...none(), VIRTUAL_ENV: join(root, 'venv') };
    expect(findPlugin('xla:cuda', { env })).toEqual({
      entry,
      file: join(site, entry.library),
      where: site,
      complete: true,
      cudaDataDir: join(site, 'nvidia', 'cu13'),
      preload: [join(site, 'nvidia', 'cu13', 'lib', 'libnvrtc.so.13')],
    });
    expect(() => findPlugin('xla:cpu', { env })).toThrow(site);
  });

  test('at the file that the user names, before all others', () => {
    const file = join(root, 'own.so');
    const refused = (given: object) => expect(() => findPlugin('xla', { env: none(), ...given }));
    refused({ plugin: file }).toThrow(
      `xla: --plugin or the setting "plugin" must name a plug-in’s shared library, and no file lies at ${file}; ` +
        '`med42 xla list` shows those that are here',
    );
    refused({ plugin: root }).toThrow(`and a folder lies at ${root};`);
    refused({ plugin: '' }).toThrow('and no file is named;');
    refused({ env: { ...none(), MED42_XLA_PLUGIN: file } }).toThrow('xla: MED42_XLA_PLUGIN must name a plug-in’s');
    writeFileSync(file, '');
    expect(findPlugin('xla', { env: none(), plugin: file })).toEqual({
      file,
      where: file,
      preload: [],
      complete: true,
    });
    expect(findPlugin('xla:tpu', { env: { ...none(), MED42_XLA_PLUGIN: file } }).file).toBe(file);
    // The option goes before the variable.
    expect(findPlugin('xla', { env: { ...none(), MED42_XLA_PLUGIN: root }, plugin: file }).file).toBe(file);
  });

  test('a named file in a place that is known is of that kind', () => {
    const file = join(root, 'elsewhere', entry.library);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, '');
    expect(findPlugin('xla', { env: none(), plugin: file }).entry).toBe(entry);
    expect(() => findPlugin('xla:tpu', { env: none(), plugin: file })).toThrow(
      `device: xla:tpu needs another plug-in than ${file}, which is for cuda`,
    );
  });
});
