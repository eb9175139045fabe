import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { mixFolder } from '../../lib/data/mixing/mix';
import { MIXTURE_FILE, MIXTURE_ROWS, readMixed } from '../../lib/data/mixing/mixed-folder';
import { hashChunks } from '../../lib/data/packing/chunks';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { prepareMixed } from '../../lib/run/mixed-training';
import { PRESETS } from '../../lib/run/presets';
import { mutateBytes, mutateJson } from './mutate';
import { DATA, same, type Target } from './target';

/* Rows on their way to a training: a mixed folder, and what was tokenized and packed of it. */

const MODEL = join(DATA, 'base');
const ROWS = 40;
const CONFIG = { ...PRESETS.smoke, samples: null, developmentFraction: 0.2 };
const silent = () => ({ say: () => {}, at: () => {} });

async function mixSome(folder: string): Promise<void> {
  const from = join(folder, 'from');
  mkdirSync(join(from, 'train'), { recursive: true });
  const lines = readFileSync(join(DATA, 'train', 'medmcqa_miniature.jsonl'), 'utf8')
    .split('\n')
    .slice(0, ROWS);
  writeFileSync(join(from, 'train', 'medmcqa_miniature.jsonl'), lines.map((line) => `${line}\n`).join(''));
  await mixFolder(from, join(folder, 'mixed'), { seed: 1, shares: 'all', threads: 1 });
}

/** What `train --data FOLDER` trains on. */
async function prepare(folder: string, cache: string) {
  const data = join(folder, 'mixed');
  const mixed = await readMixed(data);
  if (!mixed) throw new Error('campaign: the folder is no mixed one any more');
  const files = await prepareMixed({ data, model: MODEL }, mixed, {
    config: CONFIG,
    tokenizer: await loadTokenizer(MODEL),
    chunkLength: 128,
    progress: silent,
    rowsAPiece: 16,
    cache,
  });
  const { chunks, heldOut, pieces: _, ...said } = files;
  try {
    return { said, chunks: [hashChunks(chunks), hashChunks(heldOut)] };
  } finally {
    chunks.close();
    heldOut.close();
  }
}
type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Of the mixed folder, tokenized and packed anew each time. */
const mixed = (file: string, mutate: Target['mutate']): Target => ({
  name: `mixed folder: ${file}`,
  file: `mixed/${file}`,
  prepare: mixSome,
  mutate,
  run: async (folder) => {
    const cache = join(folder, 'cache');
    try {
      return await prepare(folder, cache);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  },
  wrong: (value, before) =>
    same((value as Prepared).chunks, (before as Prepared).chunks) ? undefined : 'other rows than were mixed',
});

/** In the one folder that the cache holds: what was tokenized, and in PACKED what was packed of it. */
const PACKED = `${CONFIG.packing}-128`;
const made = (folder: string): string => join(folder, 'cache', readdirSync(join(folder, 'cache'))[0]!);

/** Of what was tokenized and packed before. */
const prepared = (file: string, mutate: Target['mutate']): Target => ({
  name: `prepared rows: ${file}`,
  file,
  prepare: async (folder) => {
    await mixSome(folder);
    await prepare(folder, join(folder, 'cache'));
    return relative(folder, join(made(folder), file));
  },
  mutate,
  run: async (folder) => {
    // Tokens are read when they are packed.
    if (file.includes('tokens-')) rmSync(join(made(folder), PACKED), { recursive: true, force: true });
    return prepare(folder, join(folder, 'cache'));
  },
  wrong: (value, before) => {
    const [now, then] = [value as Prepared, before as Prepared];
    if (!same(now.chunks, then.chunks)) return 'other chunks than were packed';
    return /\b(?:NaN|Infinity|undefined)\b/.exec(JSON.stringify(now.said))?.[0];
  },
});

export const PREPARED_TARGETS: readonly Target[] = [
  mixed(MIXTURE_FILE, mutateJson),
  mixed(MIXTURE_ROWS, mutateBytes),
  prepared('tokens.json', mutateJson),
  prepared(join('train', 'tokens-00000'), mutateBytes),
  prepared(join(PACKED, 'packed.json'), mutateJson),
  prepared(join(PACKED, 'train.safetensors'), mutateBytes),
  prepared(join(PACKED, 'held-out.safetensors'), mutateBytes),
];
