import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PAPER_FULL, PAPER_LORA } from '../lib/config';
import { openDevice } from '../lib/engine/device';
import * as native from '../lib/engine/onnx/native/session';
import { createState } from '../lib/engine/state';
import { openModelFolder } from '../lib/model/folder';
import { tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { batchTensors } from '../lib/train/batches';
import { compileTraining, trainingState } from '../lib/train/programs';
import { updateOnce } from '../lib/train/train';
import { oneRow } from './workload';

/**
 * Where the time of an update goes, operator by operator: npm run bench -- profile FOLDER [lora | full] [tokens] [threads] [learnt]
 *
 * ONNX Runtime's own profile of three updates of one row, float32, the first left out. Seconds are of the operators, which
 * run one after the other; what lies between them and the update's time is the runtime's and the binding's own.
 */
const UPDATES = 3;

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

async function main(): Promise<void> {
  const [folder, method = 'lora', tokens = '512', threads = '2', given = '300'] = process.argv.slice(2);
  if (folder === undefined || (method !== 'lora' && method !== 'full'))
    throw new Error('bench: profile needs the folder of a model, and lora or full');
  const where = mkdtempSync(join(tmpdir(), 'profile-'));
  const open = native.openNativeSession;
  Object.assign(native, {
    openNativeSession: ((model, options, graph) =>
      open(model, { ...options, enableProfiling: true, profileFilePrefix: join(where, 'run') }, graph)) as typeof open,
  });

  const length = Number(tokens);
  const config = { ...(method === 'lora' ? PAPER_LORA : PAPER_FULL), batchSize: 1, maxSeqLen: length };
  const device = await openDevice('cpu', Number(threads), { flushDenormals: true });
  const model = tunedModel(await openModelFolder(folder), method, method === 'lora' ? config.lora : undefined);
  const { row, form } = oneRow(length, Number(given));
  const programs = await compileTraining(model, config, device, form);
  const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
  const seconds: number[] = [];
  for (let step = 0; step < UPDATES; step++) {
    const began = performance.now();
    await updateOnce(programs, config, state, [batchTensors([row], 1, form)], step, config.learningRate);
    seconds.push((performance.now() - began) / 1000);
  }
  await programs.dispose();
  const [file] = readdirSync(where);
  const events = JSON.parse(readFileSync(join(where, file!), 'utf8')) as ProfileEvent[];
  rmSync(where, { recursive: true });
  // The first update packs weights and grows the arena.
  const [, second] = events.filter(({ name }) => name === 'model_run').map(({ ts }) => ts);
  const counted = events.filter(({ cat, ts }) => cat === 'Node' && ts >= second!);
  const byOperator = new Map<string, { seconds: number; count: number }>();
  for (const { args, dur } of counted) {
    const name = args?.op_name ?? 'other';
    const known = byOperator.get(name) ?? { seconds: 0, count: 0 };
    byOperator.set(name, { seconds: known.seconds + dur / 1e6 / (UPDATES - 1), count: known.count + 1 });
  }
  const all = [...byOperator.values()].reduce((sum, one) => sum + one.seconds, 0);
  const update = seconds.slice(1).reduce((sum, one) => sum + one, 0) / (UPDATES - 1);
  console.log(
    `${basename(folder)}, ${method}, ${tokens} tokens, ${given} learnt, ${threads} threads, ${cpus()[0]?.model}`,
  );
  console.log(`an update ${update.toFixed(2)} s, its operators ${all.toFixed(2)} s`);
  for (const [name, one] of [...byOperator].sort((a, b) => b[1].seconds - a[1].seconds).slice(0, 16)) {
    const share = `${((100 * one.seconds) / all).toFixed(1)} %`;
    console.log(
      `${name.padEnd(26)} ${one.seconds.toFixed(3).padStart(8)} s ${share.padStart(7)}  ${one.count / (UPDATES - 1)} times`,
    );
  }
  state.dispose();
}

void main();
