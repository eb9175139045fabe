import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { assertFits } from '../../lib/data/tokenizer-fits';
import { RECORD, readInstalled } from '../../lib/engine/xla/plugins/cache';
import { pluginEntry } from '../../lib/engine/xla/plugins/catalogue';
import { type InstallPlan, installPlugin } from '../../lib/engine/xla/plugins/install';
import { unpackWheel } from '../../lib/engine/xla/plugins/wheel';
import { WORKBOOK_ROOT } from '../../lib/files';
import { openModelFolder, saveModelFolder } from '../../lib/model/folder';
import { hashWeights } from '../../lib/model/hash-weights';
import { readTensor } from '../../lib/model/safetensors';
import { TRAINER_FILE, trainerOf } from '../../lib/model/trainer-file';
import { INDEX } from '../../lib/model/weight-files';
import { readTrials, TRIALS_FILE, trialsTable } from '../../lib/run/rate-trial';
import { zipOf } from '../xla/zip';
import { mutateBytes, mutateJson } from './mutate';
import { DATA, ROOT, same, type Target } from './target';

/* More of what people bring: a model in shards, files beside it, a plug-in; and the trials of `tune`. */

const BASE = join(DATA, 'base');

const sharded: Target = {
  name: 'model in shards',
  file: INDEX,
  prepare: async (folder) => {
    const base = await openModelFolder(BASE);
    const read = (name: string) => readTensor(base.weights[name]!);
    await saveModelFolder(folder, base, read, { title: 'A model', details: 'Made up.' }, 600_000);
  },
  mutate: mutateJson,
  run: async (folder) => {
    const opened = await openModelFolder(folder);
    return { config: opened.config, weights: await hashWeights(opened) };
  },
  wrong: (value, before) => (same(value, before) ? undefined : 'other weights than the shards hold'),
};

/** A file beside a tokenizer, from which control tokens are read. */
const beside = (file: string, content: object, without: readonly string[]): Target => ({
  name: `tokenizer: ${file}`,
  file,
  prepare: async (folder) => {
    cpSync(BASE, folder, { recursive: true });
    for (const name of without) rmSync(join(folder, name), { force: true });
    writeFileSync(join(folder, file), JSON.stringify(content));
  },
  mutate: mutateJson,
  run: async (folder) => {
    const opened = await loadTokenizer(folder);
    const { bosId, eosId, stopIds } = opened;
    const { vocabSize } = (await openModelFolder(BASE)).config;
    assertFits(opened, vocabSize);
    return { ids: [...(bosId === undefined ? [] : [bosId]), eosId, ...stopIds], vocabSize };
  },
  wrong: (value) => {
    const { ids, vocabSize } = value as { ids: number[]; vocabSize: number };
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    return bad === undefined ? undefined : `a control token ${bad} of ${vocabSize}`;
  },
});

const trial = (rate: number, seed: number) => ({
  identity: `${rate} ${seed}`,
  method: 'lora',
  packing: 'padded',
  rate,
  epochs: 3,
  seed,
  steps: 10,
  seconds: 1.5,
  firstLoss: 2,
  heldOutLoss: 1 + rate,
  groups: {
    'read-and-tuned': { right: 3, items: 8 },
    'tuned-only': { right: 2, items: 8 },
    control: { right: 1, items: 8 },
  },
});

const trials = (scored: boolean): Target => ({
  name: `trials${scored ? '' : ' without items'}`,
  file: TRIALS_FILE,
  prepare: async (folder) => {
    const all = [0.001, 0.002].flatMap((rate) => [1, 2].map((seed) => trial(rate, seed)));
    writeFileSync(join(folder, TRIALS_FILE), JSON.stringify(scored ? all : all.map((one) => ({ ...one, groups: {} }))));
  },
  mutate: mutateJson,
  run: async (folder) => {
    const read = await readTrials(join(folder, TRIALS_FILE));
    return read.length === 0 ? '' : trialsTable(read);
  },
  wrong: (table) => /\b(?:NaN|Infinity|undefined|null)\b/.exec(table as string)?.[0],
});

const trainer: Target = {
  name: 'trainer file',
  file: TRAINER_FILE,
  prepare: async (folder) =>
    writeFileSync(
      join(folder, TRAINER_FILE),
      JSON.stringify({
        trainer: 'transformers.Trainer',
        packages: { transformers: '5.23.0', torch: '2.13.0' },
        sharding: 'FSDP2',
        processes: 16,
        precision: 'bf16',
      }),
    ),
  mutate: mutateJson,
  run: trainerOf,
  wrong: (value) => {
    if (value === undefined) return undefined;
    const said = value as string;
    if (said.trim() === '' || said.length > 500) return `${said.length} characters`;
    return /NaN|undefined|null|\[object/.exec(said)?.[0];
  },
};

const ENTRY = pluginEntry('cpu');
const WHEEL = `one-1.0-py3-none-${process.platform === 'darwin' ? 'macosx_11_0_arm64' : `manylinux_2_27_${process.arch === 'x64' ? 'x86_64' : 'aarch64'}`}.whl`;
const ENTRIES = [
  { name: ENTRY.library, content: Buffer.from('a library'), mode: 0o100755 },
  { name: 'other/notes.txt', content: Buffer.from('notes') },
  { name: 'other/link.txt', content: Buffer.from('more notes') },
];
const ZIP = zipOf(ENTRIES);
const PINS = join('lib', 'engine', 'xla', 'plugins', 'requirements');
/** Plug-ins' pins lie where the campaign is not built to. Once for all workers: two that copy them at once fail. */
export const placePins = () => cpSync(join(ROOT, PINS), join(WORKBOOK_ROOT, PINS), { recursive: true });
const PLAN: InstallPlan = {
  entry: ENTRY,
  packages: [
    {
      name: 'one',
      version: '1.0',
      licence: 'MIT',
      wheels: [{ file: WHEEL, bytes: ZIP.length, sha256: createHash('sha256').update(ZIP).digest('hex') }],
    },
  ],
  complete: true,
  downloadBytes: 0,
  licences: [],
};

/** Every file below a folder, with its content. */
const filesOf = (folder: string): [string, string][] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((one) => !one.isDirectory())
        .map((one): [string, string] => {
          const path = join(one.parentPath, one.name);
          return [relative(folder, path), one.isFile() ? readFileSync(path, 'utf8') : 'no file'];
        })
        .sort()
    : [];

const wheel = (
  name: string,
  unpack: (folder: string) => Promise<unknown>,
  rest: Pick<Target, 'wrong' | 'isAlwaysFile'>,
): Target => ({
  name: `wheel, ${name}`,
  file: join('wheels', WHEEL),
  prepare: async (folder) => {
    mkdirSync(join(folder, 'wheels'));
    writeFileSync(join(folder, 'wheels', WHEEL), ZIP);
  },
  mutate: mutateBytes,
  run: async (folder) => {
    try {
      await unpack(folder);
      return filesOf(folder).filter(([path]) => !path.startsWith('wheels'));
    } finally {
      for (const path of readdirSync(folder)) {
        if (path !== 'wheels') rmSync(join(folder, path), { recursive: true, force: true });
      }
    }
  },
  ...rest,
});

export const BROUGHT_TARGETS: readonly Target[] = [
  sharded,
  beside(
    'generation_config.json',
    { bos_token_id: 1, eos_token_id: [2], pad_token_id: 0, do_sample: true, temperature: 0.6, top_p: 0.9 },
    [],
  ),
  beside('special_tokens_map.json', { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false } }, [
    'tokenizer_config.json',
  ]),
  trials(true),
  trials(false),
  trainer,
  wheel('installed', (folder) => installPlugin(PLAN, { cache: join(folder, 'cache'), from: join(folder, 'wheels') }), {
    wrong: (value, before) => (same(value, before) ? undefined : 'other files than the wheel holds'),
  }),
  wheel('unpacked', (folder) => unpackWheel(join(folder, 'wheels', WHEEL), join(folder, 'deep', 'made')), {
    // After the hash of the whole.
    isAlwaysFile: true,
    wrong: (value) => {
      const outside = (value as [string, string][]).find(
        ([path, content]) => !path.startsWith(join('deep', 'made', '/')) || content === 'no file',
      );
      return outside && `${outside[0]} lies outside`;
    },
  }),
  {
    name: 'plug-in record',
    file: join(ENTRY.name, RECORD),
    prepare: async (folder) => {
      mkdirSync(join(folder, 'wheels'));
      writeFileSync(join(folder, 'wheels', WHEEL), ZIP);
      await installPlugin(PLAN, { cache: folder, from: join(folder, 'wheels') });
    },
    mutate: mutateJson,
    run: async (folder) => readInstalled(ENTRY, folder),
    wrong: (value) => {
      // Not installed.
      if (value === undefined) return undefined;
      const { name, packages, complete } = value as Record<string, unknown>;
      const isRecord = typeof complete === 'boolean' && Array.isArray(packages) && name === ENTRY.name;
      return isRecord ? undefined : JSON.stringify(value).slice(0, 100);
    },
  },
];
