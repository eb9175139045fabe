import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sourceNamed } from '../../lib/data/sources/catalogue/catalogue';
import { ARCHIVE, type Source } from '../../lib/data/sources/catalogue/entry';
import { convert, type RawFile } from '../../lib/data/sources/convert';
import { takeFolder } from '../../lib/data/sources/from-folder';
import { readSources, SOURCES_FILE } from '../../lib/data/sources/record';
import { mixFetched } from '../../lib/run/fetched-data';
import { PRESETS } from '../../lib/run/presets';
import { MEDQUAD, NATIVE_PLAIN } from '../data/sources/native-files';
import { type Mutated, mutateBytes, mutateJson, mutateLines } from './mutate';
import { DATA, same, type Target } from './target';

/* What `fetch` writes and reads again, and sources in the form in which their authors publish them. */

async function takeSome(folder: string): Promise<void> {
  const from = join(folder, 'from');
  mkdirSync(join(from, 'train'), { recursive: true });
  const lines = readFileSync(join(DATA, 'train', 'medmcqa_miniature.jsonl'), 'utf8')
    .split('\n')
    .slice(0, 20);
  const rows = lines.map((line, i) => ({ ...JSON.parse(line), source: i % 2 ? 'medqa' : 'mmlu' }));
  writeFileSync(join(from, 'train', 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  cpSync(join(DATA, 'eval', 'medqa.jsonl'), join(from, 'eval', 'medqa.jsonl'));
  await takeFolder(from, folder);
}

interface Mixed {
  readonly rows: string;
}

/** The rows that a run on a fetched folder draws. */
const fetched = (file: string, mutate: Target['mutate']): Target => ({
  name: `fetched folder: ${file}`,
  file,
  prepare: takeSome,
  mutate,
  run: async (folder) => {
    try {
      const config = { ...PRESETS.smoke, samples: 12 };
      const { data } = await mixFetched({ data: folder, model: '' }, config, () => {});
      const record = await readSources(folder);
      if (data === folder) return { record, rows: '' };
      return { record, rows: JSON.parse(readFileSync(join(data, 'mixture.json'), 'utf8')).contentMd5 };
    } finally {
      rmSync(join(folder, 'mixed'), { recursive: true, force: true });
    }
  },
  wrong: (value, before) =>
    (value as Mixed).rows === (before as Mixed).rows ? undefined : 'other rows than were fetched',
});

/** A source of the catalogue in its second home, and the file there that is changed. */
interface Raw {
  readonly name: string;
  readonly file: string;
  readonly content: Buffer;
  /** Files beside it. */
  readonly beside?: Readonly<Record<string, Buffer>>;
  readonly mutate: Target['mutate'];
  /** Accepted, it gives just what it gave: its format has a checksum. */
  readonly isSealed?: boolean;
}

interface Made {
  readonly rows: string;
  readonly counts: { readonly raw: number; readonly rows: number; readonly leftOut: object; readonly skipped: object };
}

const raw = ({ name, file, content, beside = {}, mutate, isSealed = false }: Raw): Target => ({
  name: `raw source: ${name}`,
  file: join('raw', file),
  prepare: async (folder) => {
    for (const [path, bytes] of Object.entries({ [file]: content, ...beside })) {
      mkdirSync(dirname(join(folder, 'raw', path)), { recursive: true });
      writeFileSync(join(folder, 'raw', path), bytes);
    }
  },
  mutate,
  run: async (folder) => {
    const { elsewhere, open: _, ...rest } = sourceNamed(name.split(',')[0]!) as Source;
    const { open } = elsewhere!;
    const source = { ...rest, places: elsewhere!.places, ...(open ? { open } : {}) } as Source;
    const files = [file, ...Object.keys(beside)].map((path): RawFile => {
      const place = source.places.find(({ files: all, optional = [] }) => [...all, ...optional].includes(path))!;
      return { place, path, disk: join(folder, 'raw', path) };
    });
    const out = join(folder, 'out');
    try {
      const [counts] = await convert([source], files, out);
      return { counts, rows: readFileSync(join(out, counts!.file), 'utf8') };
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  },
  wrong: (value, before) => {
    const { rows, counts } = value as Made;
    if (isSealed) return same(value, before) ? undefined : 'other rows than the archive holds';
    if (counts.raw === 0) return 'a source without a row';
    const lines = rows.split('\n').slice(0, -1);
    const sum = (of: object) =>
      Object.values(of).reduce((total, one) => total + (typeof one === 'number' ? one : one.count), 0);
    if (lines.length !== counts.rows || counts.raw !== counts.rows + sum(counts.leftOut) + sum(counts.skipped)) {
      return `${lines.length} lines where ${JSON.stringify(counts)} are told of`;
    }
    const bad = lines.find((line) => {
      const { id, prompt, response, question, choices, answer } = JSON.parse(line);
      const isRow = typeof prompt === 'string' && typeof response === 'string' && response.trim() !== '';
      const isItem = typeof question === 'string' && Array.isArray(choices) && Number.isInteger(answer);
      return typeof id !== 'string' || !(isRow || (isItem && answer < choices.length));
    });
    return bad?.slice(0, 100);
  },
});

/** The file of that name on GitHub. */
const native = (end: string): Buffer => Object.entries(NATIVE_PLAIN).find(([path]) => path.endsWith(end))![1];

/** The archive packed anew around a change of what it holds. */
const inside = (content: Buffer, seed: number): Mutated => {
  const { what, bytes } = mutateBytes(gunzipSync(content), seed);
  return { what, bytes: gzipSync(bytes) };
};

const NATURAL = 'task1161_coda19_title_generation.json';

export const FETCHED_TARGETS: readonly Target[] = [
  fetched(SOURCES_FILE, mutateJson),
  fetched(join('train', 'medqa.jsonl'), mutateLines),
  raw({ name: 'medquad', file: ARCHIVE, content: NATIVE_PLAIN[MEDQUAD]!, mutate: mutateBytes, isSealed: true }),
  raw({ name: 'medquad, unpacked', file: ARCHIVE, content: NATIVE_PLAIN[MEDQUAD]!, mutate: inside }),
  raw({ name: 'niv2', file: join('tasks', NATURAL), content: native(NATURAL), mutate: mutateJson }),
  raw({
    name: 'pubmedqa',
    file: 'data/ori_pqal.json',
    content: native('ori_pqal.json'),
    beside: { 'data/test_ground_truth.json': native('test_ground_truth.json') },
    mutate: mutateJson,
  }),
];
