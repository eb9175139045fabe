import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Tokenizer as NativeTokenizer } from 'tokenizers';
import type { TrainExample } from '../lib/data/examples';
import { fieldsOf } from '../lib/data/forms/fields';
import { readExample } from '../lib/data/forms/training';
import { mixFolder } from '../lib/data/mixing/mix';
import { MIXTURE_ROWS, readMixed } from '../lib/data/mixing/mixed-folder';
import type { Packing } from '../lib/data/packing/packing';
import { openRecords } from '../lib/data/reading/records';
import { tokenizeExamples } from '../lib/data/samples';
import { renderExchanges } from '../lib/data/template';
import { loadTokenizer } from '../lib/data/tokenizer';
import { SUBSETS } from '../lib/paper/table-a1';
import { peakMemoryBytes } from '../lib/run/memory';
import { prepareMixed } from '../lib/run/mixed-training';
import { PRESETS } from '../lib/run/presets';
import { createProgress, type OpenProgress } from '../lib/run/progress';
import { writeFullSizeRows } from './full-size-rows';

/**
 * The paper's 706,713 rows, made up: npm run bench -- full-size STEP FOLDER, step after step.
 *
 *     generate FOLDER REAL [share]     rows with the lengths of REAL/train, into FOLDER/raw
 *     mix FOLDER                       into FOLDER/mixed; counts against table A1's
 *     tokens FOLDER MODEL [rows] [python]   rows as a run tokenizes them against `tokenizers` called directly, alternating:
 *                                      from Node, or, where a Python that has it is named, from there
 *     pack FOLDER MODEL PACKING        all rows tokenized and packed to 4,096 as `med42 train` does, into FOLDER/packed
 */
const SEED = 42;
const ROUNDS = 5;
/** Texts handed to the tokenizer at once, by the peer as by us. */
const BATCH = 512;

/** A line of progress, and the CPU time that a stage took: others may share the machine. */
const timed: OpenProgress = (label) => {
  const line = createProgress(label);
  const before = process.cpuUsage();
  return {
    ...line,
    at: (done, total, details) => {
      line.at(done, total, details);
      if (done >= total) console.log(`${label}: ${cpuSeconds(before).toFixed(1)} s of CPU`);
    },
  };
};

function cpuSeconds(before?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

interface Timed {
  readonly seconds: number;
  /** Seconds of CPU. */
  readonly cpu: number;
  readonly tokens: number;
}

interface Peer {
  readonly encode: () => Promise<Timed>;
  readonly close: () => void;
}

function nodePeer(json: string, texts: readonly string[]): Peer {
  const direct = NativeTokenizer.fromFile(json);
  const encode = async () => {
    const cpu = process.cpuUsage();
    const began = performance.now();
    let tokens = 0;
    for (let i = 0; i < texts.length; i += BATCH) {
      const encodings = await direct.encodeBatch(texts.slice(i, i + BATCH), { addSpecialTokens: false });
      for (const encoding of encodings) tokens += encoding.getIds().length;
    }
    return { seconds: (performance.now() - began) / 1000, cpu: cpuSeconds(cpu), tokens };
  };
  return { encode, close: () => {} };
}

async function pythonPeer(python: string, json: string, texts: readonly string[], folder: string): Promise<Peer> {
  const file = join(folder, 'texts.jsonl');
  await writeFile(file, texts.map((text) => `${JSON.stringify(text)}\n`).join(''));
  const script = resolve('bench', 'peers', 'hf_tokenizers.py');
  const child = spawn(python, [script, json, file, String(BATCH)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  console.log((await lines.next()).value);
  const encode = async () => {
    child.stdin.write('go\n');
    return JSON.parse((await lines.next()).value as string) as Timed;
  };
  return { encode, close: () => child.stdin.end() };
}

const STEPS: Readonly<Record<string, (folder: string, ...rest: string[]) => Promise<void>>> = {
  generate: (folder, real = '', share = '1') => writeFullSizeRows(real, join(folder, 'raw'), SEED, Number(share)),
  mix: async (folder) => {
    const mixed = await mixFolder(join(folder, 'raw'), join(folder, 'mixed'), {
      seed: SEED,
      onStage: (stage) => console.log(stage),
    });
    const wrong = SUBSETS.filter(
      ({ key, samples }) => mixed.report.rows.find(({ subset }) => subset === key)?.drawn !== samples,
    );
    console.log(`${mixed.report.total} rows; subsets that differ from table A1: ${wrong.length}`);
  },
  tokens: async (folder, model = '', rows = '10000', python = '') => {
    const tokenizer = await loadTokenizer(resolve(model));
    const examples: TrainExample[] = [];
    // The mixture is shuffled: its first rows are a fair sample.
    const { rows: all } = await openRecords(join(folder, 'mixed', MIXTURE_ROWS), MIXTURE_ROWS, createHash('sha256'));
    for await (const row of all) {
      examples.push(readExample(fieldsOf(row)).example);
      if (examples.length === Number(rows)) break;
    }
    const texts = examples.flatMap((example) =>
      renderExchanges(example, 'med42').map((one) => one.prompt + one.response),
    );
    const json = join(resolve(model), 'tokenizer.json');
    const peer = python === '' ? nodePeer(json, texts) : await pythonPeer(resolve(python), json, texts, folder);
    const pairs: { readonly ours: Timed; readonly peer: Timed }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const cpu = process.cpuUsage();
      const began = performance.now();
      const { report } = await tokenizeExamples(examples, tokenizer);
      const ours = { seconds: (performance.now() - began) / 1000, cpu: cpuSeconds(cpu), tokens: report.tokens };
      pairs.push({ ours, peer: await peer.encode() });
      const say = ({ seconds, cpu: used, tokens }: Timed) =>
        `${tokens} tokens ${seconds.toFixed(1)} s (${used.toFixed(1)} of CPU)`;
      console.log(`ours ${say(ours)}, directly ${say(pairs.at(-1)!.peer)}`);
    }
    peer.close();
    const ratio = (value: (one: Timed) => number) =>
      pairs
        .map(({ ours, peer: other }) => value(ours) / value(other))
        .sort((a, b) => a - b)
        [ROUNDS >> 1]!.toFixed(3);
    console.log(
      `ours / directly, medians of ${ROUNDS} pairs: ${ratio(({ seconds }) => seconds)} by the clock, ${ratio(({ cpu }) => cpu)} by CPU time`,
    );
  },
  pack: async (folder, model = '', packing = 'concatenated') => {
    const data = join(folder, 'mixed');
    const {
      chunks,
      rows,
      packing: report,
    } = await prepareMixed({ data, model: resolve(model) }, (await readMixed(data))!, {
      config: { ...PRESETS.real, mixture: 'paper', samples: null, packing: packing as Packing },
      tokenizer: await loadTokenizer(resolve(model)),
      chunkLength: 4096,
      progress: timed,
      cache: join(folder, 'packed'),
    });
    const { sources: _, ...numbers } = report;
    console.log(rows, 'rows', numbers, chunks.file);
  },
};

async function main(): Promise<void> {
  const [step = '', folder = '', ...rest] = process.argv.slice(2);
  const run = STEPS[step];
  if (!run || folder === '') throw new Error(`full-size: give a step (${Object.keys(STEPS).join(', ')}) and a folder`);
  const began = performance.now();
  await run(resolve(folder), ...rest);
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${step}: ${seconds.toFixed(1)} s, ${cpuSeconds().toFixed(1)} s of CPU, ${(peakMemoryBytes() / 2 ** 30).toFixed(2)} GB at its peak`,
  );
}

main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
