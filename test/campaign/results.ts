import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readRun } from '../../lib/compare/read-run';
import { pairsToCsv, pairsToMarkdown } from '../../lib/decontaminate/pairs-files';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32, readSources } from '../../lib/engine/tensors';
import { openScoreFile } from '../../lib/eval/score-file';
import { notebookToJson, readNotebook } from '../../lib/notebook/runner/notebook-file';
import { readMade } from '../../lib/run/model-job';
import { parseOptions } from '../../lib/run/options';
import { checkFolder } from '../../lib/run/results-folder';
import { loadCheckpoint, saveCheckpoint } from '../../lib/train/checkpoint';
import { rewindLog } from '../../lib/train/log';
import { sampleDecontamination, sampleRecord } from '../report/fixture';
import { mutateBytes, mutateJson, mutateLines } from './mutate';
import { reportTables } from './tables';
import { ROOT, same, type Target } from './target';

/* What a run writes, and reads again. */

const IDENTITY = { config: { seed: 1 }, model: 'model', chunks: 'chunks' };
const record = sampleRecord();

function put(folder: string, file: string, content: object | string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
}

const NO_NUMBER = /\b(?:NaN|Infinity|undefined|null)\b/;

const LOG = [0, 1, 2, 3, 4].flatMap((step) => [
  ...(step === 0
    ? []
    : [
        {
          step,
          epoch: 0,
          loss: 2 / step,
          gradientNorm: 1,
          learningRate: 0.1,
          responseTokens: 9,
          tokens: 8192,
          seconds: 1,
        },
      ]),
  ...(step % 2 === 0 ? [{ step, epoch: 0, heldOutLoss: 3 / (step + 1) }] : []),
]);

const checkpoint = (file: string, mutate: Target['mutate']): Target => ({
  name: `checkpoint: ${file}`,
  file,
  prepare: async (folder) => {
    const device = await openDevice('cpu', 1);
    const values = {
      a: float32(
        [4, 8],
        Float32Array.from({ length: 32 }, (_, i) => i / 7),
      ),
      b: float32([3], Float32Array.of(1, 2, 3)),
    };
    const state = await createState(device, values);
    await saveCheckpoint(folder, IDENTITY, state, 4, 2);
    state.dispose();
  },
  mutate,
  run: async (folder) => {
    const found = await loadCheckpoint(folder, IDENTITY);
    return found && { ...found, state: await readSources(found.state) };
  },
  wrong: (value, before) => (same(value, before) ? undefined : 'another step or state than was written'),
});

export const RESULT_TARGETS: readonly Target[] = [
  {
    name: 'run record',
    file: 'run.json',
    prepare: async (folder) => put(folder, 'run.json', record),
    mutate: mutateJson,
    run: async (folder) => reportTables((await readRun(folder)).record),
    wrong: (tables) => NO_NUMBER.exec(tables as string)?.[0],
  },
  {
    name: 'pairs record',
    file: 'decontamination.json',
    prepare: async (folder) => {
      put(folder, 'run.json', record);
      put(folder, 'decontamination.json', { version: 1, identity: 'x', methods: [sampleDecontamination(record)] });
    },
    mutate: mutateJson,
    run: async (folder) =>
      (await readRun(folder)).decontamination.map((one) => pairsToMarkdown(one) + pairsToCsv(one.pairs)).join('\n'),
    wrong: (pages) => NO_NUMBER.exec(pages as string)?.[0],
  },
  {
    name: 'model record',
    file: 'records/lora.json',
    prepare: async (folder) =>
      put(folder, 'records/lora.json', {
        identity: 'x',
        record: record.models[1],
        took: { seconds: 1, peakMemoryBytes: 2 },
      }),
    mutate: mutateJson,
    run: (folder) => readMade(folder, 'lora', 'x'),
    // What its schema lets through is a record of the same shape; other numbers in it cannot be told from true ones.
    wrong: () => undefined,
  },
  {
    name: 'results folder: config.json',
    file: 'config.json',
    prepare: async (folder) =>
      put(folder, 'config.json', { version: 4, identity: 'x', preset: 'smoke', device: 'cpu', config: {} }),
    mutate: mutateJson,
    run: (folder) =>
      checkFolder({
        out: folder,
        fresh: false,
        data: join(ROOT, 'data'),
        model: join(ROOT, 'data', 'miniature', 'base'),
      }),
    wrong: () => undefined,
  },
  checkpoint('checkpoint.json', mutateJson),
  checkpoint('state-4.safetensors', mutateBytes),
  {
    name: 'training log',
    file: 'train.jsonl',
    prepare: async (folder) => put(folder, 'train.jsonl', LOG.map((one) => `${JSON.stringify(one)}\n`).join('')),
    mutate: mutateLines,
    run: (folder) => rewindLog(join(folder, 'train.jsonl'), 4, (updates) => updates % 2 === 0),
    wrong: (value, before) => {
      const steps = (records: unknown) => (records as { step: number }[]).map(({ step }) => step);
      return same(steps(value), steps(before)) && !NO_NUMBER.test(JSON.stringify(value)) ? undefined : 'other lines';
    },
  },
  {
    name: 'score file',
    file: 'items.jsonl',
    prepare: async (folder) => {
      const { append } = await openScoreFile(join(folder, 'items.jsonl'), 'x');
      for (const item of record.models[0]!.scores.items.slice(0, 8)) await append(item);
    },
    mutate: mutateLines,
    run: async (folder) => (await openScoreFile(join(folder, 'items.jsonl'), 'x')).known,
    wrong: (value, before) => {
      const known = value as unknown[];
      return same(known, (before as unknown[]).slice(0, known.length)) ? undefined : 'other results than were written';
    },
  },
  {
    name: 'settings',
    file: 'settings.json',
    prepare: async (folder) =>
      put(folder, 'settings.json', {
        extends: 'smoke',
        method: 'both',
        training: { epochs: 2, batchSize: 2, warmup: '3%' },
        lora: { learningRate: 0.001, rank: 4, alpha: 8, targetModules: ['q_proj'] },
        data: { samples: 50, mixture: { a: 1, b: 2 }, fields: { prompt: 'Question' } },
        seed: 3,
        seeds: 1,
        scoring: { limitPerTask: 2 },
        threads: 1,
      }),
    mutate: mutateJson,
    run: async (folder) => parseOptions(['--settings', join(folder, 'settings.json')], ROOT, folder),
    wrong: (value) => {
      const text = JSON.stringify(value, (_, one) => (typeof one === 'number' && !Number.isFinite(one) ? 'NaN' : one));
      return /NaN/.exec(text)?.[0];
    },
  },
  {
    name: 'notebook',
    file: 'notebook.ipynb',
    prepare: async (folder) => cpSync(join(ROOT, 'notebooks', '01-data-mixing.ipynb'), join(folder, 'notebook.ipynb')),
    mutate: mutateJson,
    run: async (folder) => {
      const notebook = await readNotebook(join(folder, 'notebook.ipynb'));
      return { text: notebookToJson(notebook), file: readFileSync(join(folder, 'notebook.ipynb'), 'utf8').length };
    },
    wrong: (value) => {
      const { cells } = JSON.parse((value as { text: string }).text) as {
        cells: { source: unknown[]; cell_type: unknown }[];
      };
      const bad = cells.find(
        ({ source, cell_type }) => source.some((line) => typeof line !== 'string') || typeof cell_type !== 'string',
      );
      return bad && `cell ${JSON.stringify(bad).slice(0, 80)}`;
    },
  },
];
