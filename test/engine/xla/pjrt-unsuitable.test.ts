import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openDevice } from '../../../lib/engine/device';
import { loadPlugin } from '../../../lib/engine/xla/pjrt/plugin';
import { cudaPlugin } from '../../xla/plugins';

/** Files that are no plug-in of XLA, or one that does not suit. */

const folder = mkdtempSync(join(tmpdir(), 'med42-pjrt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('no file, a folder, and a file that is no library', () => {
  const missing = join(folder, 'missing.so');
  expect(() => loadPlugin(missing)).toThrow(
    `xla: no plug-in at ${missing}; name a shared library that exports GetPjrtApi`,
  );
  expect(() => loadPlugin(folder)).toThrow(`xla: no plug-in at ${folder}`);
  const text = join(folder, 'text.so');
  writeFileSync(text, 'Not a library.\n');
  expect(() => loadPlugin(text)).toThrow(`xla: ${text} cannot be loaded as a shared library: `);
  const empty = join(folder, 'empty.so');
  writeFileSync(empty, '');
  expect(() => loadPlugin(empty)).toThrow(`xla: ${empty} cannot be loaded as a shared library: `);
});

const hasCompiler = spawnSync('gcc', ['--version']).status === 0;
if (!hasCompiler) console.warn('Skipped: no gcc here to build libraries that are no plug-ins');

/** A plug-in that has nothing but versions. Source of the layout: openxla/xla, xla/pjrt/c/pjrt_c_api.h. */
const FAKE = `
#include <stddef.h>
typedef struct { size_t size; void *next; const char *name; size_t name_size; int type; const long long *value; size_t count; } Named;
typedef struct { size_t size; void *next; Named *attributes; size_t count; } Attributes;
typedef struct { size_t size; void *next; struct { size_t size; void *next; int major, minor; } version; void *functions[138]; } Api;
static const long long stablehlo[3] = { STABLEHLO };
static Named named = { sizeof(Named), 0, "stablehlo_current_version", 25, 2, stablehlo, 3 };
static void *nothing(void *args) { return 0; }
static void *attributes(Attributes *args) { args->attributes = &named; args->count = WITH_ATTRIBUTES; return 0; }
static Api api;
Api *GetPjrtApi(void) {
  if (NO_TABLE) return 0;
  api.size = offsetof(Api, functions) + 8 * FUNCTIONS;
  api.version.major = MAJOR; api.version.minor = MINOR;
  for (int i = 0; i < 138; i++) api.functions[i] = (void *)nothing;
  api.functions[4] = (void *)attributes;
  return &api;
}`;

const SUITABLE = {
  MAJOR: '0',
  MINOR: '114',
  STABLEHLO: '1, 20, 0',
  WITH_ATTRIBUTES: '1',
  NO_TABLE: '0',
  FUNCTIONS: '138',
};

function build(name: string, code: string, defines: Partial<typeof SUITABLE> = {}): string {
  const [source, library] = [join(folder, `${name}.c`), join(folder, `${name}.so`)];
  writeFileSync(source, code);
  const values = Object.entries({ ...SUITABLE, ...defines }).map(([key, value]) => `-D${key}=${value}`);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, ...values, source]);
  return library;
}

describe.skipIf(!hasCompiler)('a shared library', () => {
  test('the fake itself suits: what follows fails for what it says', () => {
    expect(loadPlugin(build('suitable', FAKE))).toMatchObject({ apiVersion: '0.114', stablehloVersion: '1.20.0' });
  });

  test.each([
    [
      'older-api',
      { MINOR: '62' },
      'has version 0.62 of PJRT’s interface, 0.106 or newer of the same first number is needed',
    ],
    ['other-major', { MAJOR: '1', MINOR: '0' }, 'has version 1.0 of PJRT’s interface'],
    ['older-stablehlo', { STABLEHLO: '1, 9, 3' }, 'reads StableHLO 1.9.3, 1.16.0 or newer is needed'],
    [
      'silent',
      { WITH_ATTRIBUTES: '0' },
      'reads StableHLO of a version that it does not say, 1.16.0 or newer is needed',
    ],
    ['null', { NO_TABLE: '1' }, 'GetPjrtApi gives nothing'],
    ['short', { FUNCTIONS: '60' }, 'lacks PJRT_Buffer_OnDeviceSizeInBytes'],
  ] as const)('that is a plug-in, but unsuitable: %s', (name, defines, message) => {
    const file = build(name, FAKE, defines);
    expect(() => loadPlugin(file)).toThrow(`xla: ${file}`);
    expect(() => loadPlugin(file)).toThrow(message);
  });

  test('that is no plug-in', () => {
    const file = build('ordinary', 'int answer(void) { return 42; }');
    expect(() => loadPlugin(file)).toThrow(
      `xla: ${file} is a shared library, but no plug-in of XLA: it does not export GetPjrtApi`,
    );
  });

  test('that needs another which is not there', () => {
    build('beside', 'int beside(void) { return 1; }');
    const [source, file] = [join(folder, 'needy.c'), join(folder, 'needy.so')];
    writeFileSync(source, 'int beside(void); int needy(void) { return beside(); }');
    execFileSync('gcc', ['-shared', '-fPIC', '-o', file, source, join(folder, 'beside.so')]);
    rmSync(join(folder, 'beside.so'));
    expect(() => loadPlugin(file)).toThrow(/needy\.so cannot be loaded as a shared library: .*beside\.so/);
  });
});

const hasDriver = spawnSync('nvidia-smi').status === 0;
test.skipIf(!cudaPlugin || hasDriver)('NVIDIA’s plug-in without a driver', async () => {
  const plugin = loadPlugin(cudaPlugin!.file, cudaPlugin);
  await expect(plugin.createClient()).rejects.toThrow(
    `xla: the plug-in ${cudaPlugin!.file} opens no device (FAILED_PRECONDITION: No visible GPU devices); it needs a device of its ` +
      'kind, its driver, and both visible to this process',
  );
  // It knows each option that it is opened with: one unknown to it would be what it refuses.
  await expect(openDevice('xla:cuda', 1, { plugin: cudaPlugin!.file })).rejects.toThrow(
    'opens no device (FAILED_PRECONDITION: No visible GPU devices)',
  );
  await expect(plugin.createClient({ memory_fraction: 1 })).rejects.toThrow('opens no device (INVALID_ARGUMENT: ');
});
