import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlledPair, PAPER_FULL, PAPER_LORA } from '../../lib/config';
import { WORKBOOK_ROOT } from '../../lib/files';
import { taggedHyperParameters } from '../../lib/paper/hyper-parameters';
import { environment } from '../../lib/run/environment';
import { type ManifestInput, manifest, manifestToJson } from '../../lib/run/manifest';
import { withoutPaths } from '../../lib/run/without-paths';
import { sampleRecord } from '../report/fixture';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifest-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function input(): Promise<ManifestInput> {
  const path = join(folder, 'rows.jsonl');
  await writeFile(path, '{"a":1}\n\n{"a":2}\n{"a":3}');
  const hash = 'ab'.repeat(32);
  return {
    device: 'cpu',
    dtype: 'float32',
    threads: 2,
    seeds: { init: 42, shuffle: 42, bootstrap: 7 },
    dataFiles: [{ name: path, sha256: hash, rows: 3 }],
    model: {
      name: join(homedir(), 'models', 'llama'),
      sha256: hash,
      config: { hiddenSize: 64, from: `file://${path}` },
    },
    tokenizer: { name: 'tokenizer.json', sha256: hash },
    template: { name: 'med42', sha256: hash },
    packing: { packing: 'concatenated', maxSeqLen: 128, chunks: 10, tokens: 1280, lossTokens: 300, sha256: hash },
    tasks: sampleRecord({ tasks: ['medqa_4options'] }).models[0]!.scores.tasks,
    training: [PAPER_LORA, { ...PAPER_FULL, learningRate: 1e-3 }],
    timings: { startedAt: '2024-01-01T00:00:00Z', seconds: { train: 12.5 } },
  };
}

describe('manifest', () => {
  it('holds no absolute path, host name or home folder', async () => {
    const text = manifestToJson(await manifest(await input()));
    expect(text).not.toContain(homedir());
    expect(text).not.toContain(tmpdir());
    expect(text).not.toContain(WORKBOOK_ROOT);
    if (hostname().length > 4) expect(text).not.toContain(hostname());
    expect(text).not.toMatch(/"(?:[^"]*\s)?(?:\/[^/"\s]+\/|[A-Za-z]:\\\\|file:)/);
    expect(text).toContain('"name": "llama"');
  });

  it('of two runs is equal apart from timings', async () => {
    const first = await manifest(await input());
    const second = await manifest({ ...(await input()), timings: { seconds: { train: 99 } } });
    expect(first.timings).not.toEqual(second.timings);
    const { timings: _, ...a } = first;
    const { timings: __, ...b } = second;
    expect(JSON.stringify(a)).toBe(JSON.stringify(b));
  });

  it('names paper, generator, seeds, task hashes, packing and data', async () => {
    const written = await manifest(await input());
    expect(written.paper.id).toBe('arXiv:2404.14779');
    expect(written.seeds).toEqual({ generator: 'xoroshiro128plus', values: { init: 42, shuffle: 42, bootstrap: 7 } });
    expect(written.tasks[0]).toMatchObject({ task: 'medqa_4options', n: 40, bos: 'never' });
    expect(written.tasks[0]!.requestHash).toHaveLength(64);
    expect(written.packing!.sha256).toHaveLength(64);
    expect(written.timings).toMatchObject({ seconds: { train: 12.5 } });
    expect(written.timings.peakMemoryBytes).toBeGreaterThan(1e7);
    expect(JSON.parse(manifestToJson(written))).toEqual(written);
  });
});

describe('taggedHyperParameters', () => {
  it('tags what the paper states, what differs from it, and what it leaves open', () => {
    const tags = taggedHyperParameters({ ...PAPER_LORA, learningRate: 1e-3 });
    expect(tags.learningRate).toEqual({ value: 1e-3, origin: 'varied', paper: 1e-4 });
    expect(tags.epochs).toEqual({ value: 8, origin: 'stated', paper: 8 });
    expect(tags.batchSize).toEqual({ value: 4, origin: 'assumed', paper: null });
    expect(tags['lora.rank']!.origin).toBe('stated');
    expect(tags['lora.dropout']!.origin).toBe('assumed');
  });

  it('compares each method with its own settings; full-parameter has no LoRA fields', () => {
    const origins = (tags: ReturnType<typeof taggedHyperParameters>) => Object.values(tags).map(({ origin }) => origin);
    for (const paper of [PAPER_FULL, PAPER_LORA]) expect(origins(taggedHyperParameters(paper))).not.toContain('varied');
    const { method: _, learningRate: __, ...common } = PAPER_LORA;
    const { full } = controlledPair(common, { lora: 1e-3, full: 5e-5 });
    const tags = taggedHyperParameters(full);
    expect([tags.learningRate!.origin, tags.epochs!.origin]).toEqual(['stated', 'varied']);
    expect(Object.keys(tags).filter((name) => name.startsWith('lora.'))).toEqual([]);
  });

  it('does not mind the order of layers', () => {
    const targetModules = [...PAPER_LORA.lora.targetModules].reverse();
    const tags = taggedHyperParameters({ ...PAPER_LORA, lora: { ...PAPER_LORA.lora, targetModules } });
    expect(tags['lora.targetModules']!.origin).toBe('stated');
  });
});

describe('environment', () => {
  it('reads the installed versions from the packages themselves', async () => {
    const { dependencies, node } = await environment();
    const own = JSON.parse(await readFile(join(WORKBOOK_ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(dependencies).toEqual(own.dependencies);
    expect(node).toBe(process.version);
  });

  it('has no commit outside a work tree, nor for a folder inside another’s', async () => {
    await writeFile(join(folder, 'package.json'), '{"version":"9.9.9","dependencies":{"absent":"1.0.0"}}');
    expect(await environment(folder)).toMatchObject({
      workbook: '9.9.9',
      commit: null,
      modified: null,
      dependencies: { absent: null },
    });
    expect((await environment(join(WORKBOOK_ROOT, 'lib'))).commit).toBeNull();
  });
});

describe('withoutPaths', () => {
  it('keeps the last part of absolute paths and leaves other slashes alone', () => {
    const given = ['/a/b/c.json', 'read /a/b, then C:\\x\\y.txt', 'file:///a/b', '~/models/x', '\\\\host\\share\\z'];
    expect(withoutPaths(given)).toEqual(['c.json', 'read b, then y.txt', 'b', 'x', 'z']);
    const kept = ['meta-llama/Llama-2-7b', 'https://a.b/c/d', '1/2', 'tokens / s', 'data/train/x.jsonl', 'and/or'];
    expect(withoutPaths({ kept, n: 1, none: null })).toEqual({ kept, n: 1, none: null });
  });
});
