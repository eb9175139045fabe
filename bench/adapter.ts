import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Method, PAPER_FULL, PAPER_LORA } from '../lib/config';
import { openDevice } from '../lib/engine/device';
import { createState } from '../lib/engine/state';
import { openModelFolder } from '../lib/model/folder';
import { tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { batchTensors } from '../lib/train/batches';
import { compileTraining, trainingState } from '../lib/train/programs';
import { updateOnce } from '../lib/train/train';
import { oneRow } from './workload';

/**
 * Updates of a model folder against transformers (with peft, for LoRA), alternating in one run:
 * npm run bench -- adapter FOLDER [rounds] [tokens] [threads] [learnt] [lora | full]
 *
 * The paper's adapter or every parameter, one row of `tokens` tokens, the last `learnt` of them response (default: all but
 * the first), float32. A round gives each side two updates. Memory is each process's peak, with loading. Processor
 * seconds, of all threads, tell more than the clock's where other work runs.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const STEPS = 2;
const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GB`;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const [folder, rounds = '4', tokens = '512', threads = '2', given, method = 'lora'] = process.argv.slice(2);
  if (folder === undefined) throw new Error('bench: adapter needs the folder of a model');
  if (method !== 'lora' && method !== 'full') throw new Error(`bench: adapter takes lora or full, got "${method}"`);
  const length = Number(tokens);
  const learnt = given === undefined ? length - 1 : Number(given);
  const peer = spawn(
    join(ROOT, '.venv-parity', 'bin', 'python'),
    [join(ROOT, 'bench', 'peers', 'adapter_step.py'), folder, tokens, threads, String(learnt), method],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, OMP_WAIT_POLICY: 'passive' } },
  );
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await lines.next()).value as string);
  const { ready } = await answer();

  const paper: Readonly<Record<Method, typeof PAPER_LORA>> = { lora: PAPER_LORA, full: PAPER_FULL };
  const config = { ...paper[method], batchSize: 1, maxSeqLen: length };
  const device = await openDevice('cpu', Number(threads), { flushDenormals: true });
  const model = tunedModel(await openModelFolder(folder), method, method === 'lora' ? config.lora : undefined);
  const { row, form } = oneRow(length, learnt);
  const batch = batchTensors([row], 1, form);
  const programs = await compileTraining(model, config, device, form);
  const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
  let [done, theirPeak] = [0, 0];
  const ours: number[] = [];
  const theirs: number[] = [];
  const processor = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round <= Number(rounds); round++) {
    for (let i = 0; i < STEPS; i++) {
      const began = performance.now();
      const cpu = process.cpuUsage();
      const { loss } = await updateOnce(programs, config, state, [batch], done, done === 0 ? 0 : config.learningRate);
      done++;
      // The first round warms both up.
      const { user, system } = process.cpuUsage(cpu);
      if (round > 0) {
        ours.push((performance.now() - began) / 1000);
        processor.ours.push((user + system) / 1e6);
      } else if (i === 0) console.log(`workbook: first loss ${loss.toFixed(4)}`);
    }
    peer.stdin.write(`step ${STEPS}\n`);
    const { seconds, processorSeconds, loss, peakMemoryBytes } = await answer();
    theirPeak = peakMemoryBytes;
    if (round > 0) {
      theirs.push(...seconds);
      processor.theirs.push(...processorSeconds);
    }
    console.log(
      round === 0
        ? `peer: loss ${loss.toFixed(4)} after ${STEPS} updates`
        : `round ${round}/${rounds}: ours ${median(ours).toFixed(2)} s, peer ${median(theirs).toFixed(2)} s`,
    );
  }
  peer.stdin.end('quit\n');
  console.log(
    `\n${basename(folder)}, ${method}, ${tokens} tokens, ${learnt} of them learnt, ${threads} threads, ${cpus()[0]?.model}; ${JSON.stringify(ready)}\n` +
      `ours ${median(ours).toFixed(2)} s, peer ${median(theirs).toFixed(2)} s an update: ${(median(theirs) / median(ours)).toFixed(2)} times ours; ` +
      `processor ours ${median(processor.ours).toFixed(2)} s, peer ${median(processor.theirs).toFixed(2)} s: ${(median(processor.theirs) / median(processor.ours)).toFixed(2)} times ours; ` +
      `memory ours ${gigabytes(process.resourceUsage().maxRSS * 1024)}, peer ${gigabytes(theirPeak)}`,
  );
  await programs.dispose();
  state.dispose();
}

void main();
