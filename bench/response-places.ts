import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import type { Method } from '../lib/config';
import { loadTokenizer } from '../lib/data/tokenizer';
import { openDevice } from '../lib/engine/device';
import { createState } from '../lib/engine/state';
import { openModelFolder } from '../lib/model/folder';
import { tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { prepareData } from '../lib/run/data-stage';
import { PRESETS } from '../lib/run/presets';
import { askedPlaces, batchTensors, planBatches } from '../lib/train/batches';
import { compileTraining, trainingState } from '../lib/train/programs';
import { updateOnce } from '../lib/train/train';

/**
 * The miniature's update with the loss asked for at response tokens alone, and with all places computed: npm run
 * bench -- places [updates] [threads]. Both take the same batches from the same weights, turn by turn.
 */
const DATA = resolve(__dirname, '..', '..', '..', 'data', 'miniature');
const WARM_UP = 5;

async function main(): Promise<void> {
  const [updates = 60, threads = 1] = process.argv.slice(2).map(Number);
  const device = await openDevice('cpu', threads, { flushDenormals: true });
  const base = await openModelFolder(join(DATA, 'base'));
  const preset = PRESETS.miniature;
  const sources = { data: DATA, model: base.folder };
  const { chunks, heldOut } = await prepareData(
    sources,
    preset,
    await loadTokenizer(base.folder),
    preset.lora.maxSeqLen,
  );
  const most = askedPlaces(chunks, heldOut);
  console.log(
    `${updates} updates each, ${threads} thread(s), ${cpus()[0]?.model}; most response tokens a chunk: ${most}`,
  );
  for (const method of ['lora', 'full'] satisfies Method[]) {
    const config = preset[method];
    const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
    const sides = await Promise.all(
      [undefined, most].map(async (asked) => ({
        asked,
        programs: await compileTraining(model, config, device, { separate: false, asked }),
        state: await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1)),
        seconds: [] as number[],
        loss: 0,
      })),
    );
    const plan = planBatches(chunks.length, config);
    for (let step = 0; step < WARM_UP + updates; step++) {
      const group = plan.microBatches(step)[0]!.map((i) => chunks[i]!);
      for (const side of step % 2 === 0 ? sides : [...sides].reverse()) {
        const began = performance.now();
        const batch = batchTensors(group, config.batchSize, { separate: false, asked: side.asked });
        side.loss = (await updateOnce(side.programs, config, side.state, [batch], step, config.learningRate)).loss;
        if (step >= WARM_UP) side.seconds.push((performance.now() - began) / 1000);
      }
    }
    const [all, asked] = sides.map(({ seconds }) => [...seconds].sort((a, b) => a - b)[seconds.length >> 1]! * 1000);
    console.log(
      `${method}: all places ${all!.toFixed(1)} ms, response tokens ${asked!.toFixed(1)} ms, ratio ${(all! / asked!).toFixed(2)}; ` +
        `last losses ${sides.map(({ loss }) => loss.toFixed(6)).join(', ')}`,
    );
    for (const { programs, state } of sides) {
      await programs.dispose();
      state.dispose();
    }
  }
}

void main();
