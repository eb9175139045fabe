import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { loadEvalItems } from '../lib/data/examples';
import { loadTokenizer } from '../lib/data/tokenizer';
import { openDevice } from '../lib/engine/device';
import { createState } from '../lib/engine/state';
import { splitOverlong } from '../lib/eval/overlong';
import { requestsOf } from '../lib/eval/requests';
import { scoreItems, scoringPlan } from '../lib/eval/score';
import { taskOf } from '../lib/eval/tasks/tasks';
import { createTokenScorer } from '../lib/eval/token-scorer';
import { writeFileAtomic } from '../lib/files';
import { openModelFolder } from '../lib/model/folder';
import { createModelFolder } from '../lib/model/initialize';
import { tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { CONFIG } from './workload';

/**
 * Items a second against lm-evaluation-harness with its `hf` model: npm run bench -- scoring [items a task] [rounds] [batch]
 *
 * The same items, model and machine, all alternating in one run. Our rounds compile their graphs anew. The harness gets
 * automatic batches, which it looks for in every round, and beside them batches of the same size given from outside;
 * its first round warms it up and is left out.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const SHARED = resolve(ROOT, '../shared');
const PYTHON = join(ROOT, '.venv-parity', 'bin', 'python');

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** 15.2M random weights with Llama-2's vocabulary and its tokenizer's files, in a folder that is thrown away. */
async function millions(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-15M-'));
  const config = { ...CONFIG, max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2, pad_token_id: null };
  await createModelFolder(folder, config, createRandom(1, 'bench weights'));
  const tokenizer = join(SHARED, 'models', 'llama2-tokenizer');
  for (const name of await readdir(tokenizer)) {
    if (name.startsWith('tokenizer')) await copyFile(join(tokenizer, name), join(folder, name));
  }
  return folder;
}

/** Bytes that the harness's logits and their softmax may take. */
const MOST_BYTES = 2 ** 32;

/** The harness's batch: 64, which its own `auto` starts from, or as many as fit. */
const batchOf = (longest: number, vocabSize: number): number =>
  2 ** Math.floor(Math.log2(Math.min(64, MOST_BYTES / (longest * vocabSize * 8))));

async function compare(model: string, perTask: number, rounds: number, given: number | undefined) {
  const base = await openModelFolder(model);
  const tokenizer = await loadTokenizer(model);
  const { items } = await loadEvalItems(join(SHARED, 'data'));
  const { scorable } = await splitOverlong(items, tokenizer, base.config.maxPositionEmbeddings, 'never');
  const plans = scoringPlan(scorable, { limitPerTask: perTask, seed: 1 });
  const chosen = plans.flatMap((plan) => plan.chosen);
  const work = await mkdtemp(join(tmpdir(), 'bench-ids-'));
  const ids = join(work, 'ids.json');
  const named = plans.map(({ task, chosen: own }) => [task.name, own.map(({ id }) => id)]);
  await writeFile(ids, JSON.stringify(Object.fromEntries(named)));
  const contexts = chosen.map((item) => requestsOf(item, taskOf(item))[0]!.context);
  const lengths = (await tokenizer.encodeBatch(contexts, { addSpecialTokens: false })).map((tokens) => tokens.length);
  const longest = Math.min(Math.max(...lengths), base.config.maxPositionEmbeddings);
  const batch = given ?? batchOf(longest, base.config.vocabSize);
  const script = join(ROOT, 'bench', 'peers', 'lm_eval_scoring.py');
  const peer = spawn(PYTHON, [script, join(SHARED, 'data'), model, ids, String(batch)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value } = await lines.next();
    if (typeof value !== 'string') throw new Error('bench: lm_eval ended early; run its script alone to see why');
    return value;
  };
  const { versions } = JSON.parse((await next()).replace('ready ', ''));

  const device = await openDevice('cpu', undefined, { flushDenormals: true });
  const tuned = tunedModel(base, 'base');
  const ours: { seconds: number; right: number; tokens: number }[] = [];
  const theirs: Record<'auto' | 'given', { seconds: number; right: number }[]> = { auto: [], given: [] };
  for (let round = 0; round < rounds; round++) {
    const state = await createState(device, {});
    const began = performance.now();
    const result = await scoreItems(chosen, createTokenScorer(tuned, state, device), tokenizer);
    const right = result.tasks.reduce((sum, { acc }) => sum + acc.count, 0);
    ours.push({ seconds: (performance.now() - began) / 1000, right, tokens: result.tokenCount });
    state.dispose();
    for (const [batches, measured] of Object.entries(theirs)) {
      peer.stdin.write(`score ${batches}\n`);
      measured.push(JSON.parse(await next()));
    }
    const [auto, own] = [theirs.auto, theirs.given].map((of) => of[round]!.seconds.toFixed(1));
    console.log(
      `round ${round + 1}/${rounds}: ${ours[round]!.seconds.toFixed(1)} s, lm_eval ${auto} s, in batches given ${own} s`,
    );
  }
  peer.stdin.end('quit\n');
  await rm(work, { recursive: true });
  const rate = (of: readonly { seconds: number }[]) => chosen.length / median(of.map(({ seconds }) => seconds));
  const settled = (of: readonly { seconds: number }[]) => (of.length > 1 ? of.slice(1) : of);
  const [auto, batchesGiven] = [rate(settled(theirs.auto)), rate(settled(theirs.given))];
  return {
    items: chosen.length,
    batch,
    ours: rate(ours),
    harness: { auto, given: batchesGiven },
    ratio: { auto: rate(ours) / auto, given: rate(ours) / batchesGiven },
    right: [ours[0]!.right, theirs.auto[0]!.right],
    tokens: ours[0]!.tokens,
    versions: { ...versions, node: process.version },
  };
}

async function main(): Promise<void> {
  const [perTask, rounds] = [Number(process.argv[2] ?? 40), Number(process.argv[3] ?? 3)];
  const batch = process.argv[4] === undefined ? undefined : Number(process.argv[4]);
  if (!existsSync(PYTHON) || !existsSync(SHARED)) {
    throw new Error('bench: needs .venv-parity (test/parity/make-env.sh) and ../shared beside the repository');
  }
  const large = await millions();
  const models = { stories260K: join(SHARED, 'models', 'stories260K'), '15M, random': large };
  const rows: Record<string, unknown> = {};
  for (const [name, folder] of Object.entries(models)) {
    console.log(name);
    const row = await compare(folder, perTask, rounds, batch);
    rows[name] = row;
    const said = (['auto', 'given'] as const).map(
      (of) => `lm_eval ${row.harness[of].toFixed(1)}, ratio ${row.ratio[of].toFixed(2)}`,
    );
    console.log(
      `${name}: ${row.items} items; ${row.ours.toFixed(1)} items/s; automatic batches of at most ${row.batch}: ${said[0]}; ` +
        `batches of ${row.batch} given: ${said[1]}; right ${row.right}`,
    );
  }
  await rm(large, { recursive: true });
  const machine = `${cpus().length} x ${cpus()[0]?.model}`;
  const file = join(ROOT, 'results', 'bench', 'scoring.json');
  await writeFileAtomic(file, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
