import { createInterface } from 'node:readline';
import type { Method } from '../../lib/config';
import { type DeviceName, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { openModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';
import { stepConfig, workloadBatch } from '../workload';

/** The workbook's own step behind the peers' protocol (bench/README.md): workbook.js METHOD MODEL_FOLDER [DEVICE] */
async function main(): Promise<void> {
  const [method, folder, name = 'cpu'] = process.argv.slice(2) as [Method, string, DeviceName?];
  const config = stepConfig(method);
  const device = await openDevice(name, 2, { flushDenormals: true });
  const model = tunedModel(await openModelFolder(folder), method, method === 'lora' ? config.lora : undefined);
  const programs = await compileTraining(model, config, device, { separate: false });
  const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
  const batch = workloadBatch();
  let done = 0;
  const step = async () => {
    const began = performance.now();
    const before = process.cpuUsage();
    const { loss } = await updateOnce(programs, config, state, [batch], done++, config.learningRate);
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6, loss };
  };
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) losses.push((await step()).loss);
  console.log(`ready ${JSON.stringify({ versions: { node: process.version }, losses })}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, count] = line.trim().split(' ');
    if (command === 'quit') break;
    const [seconds, cpuSeconds]: [number[], number[]] = [[], []];
    let loss = 0;
    for (let i = 0; i < Number(count); i++) {
      const result = await step();
      seconds.push(result.seconds);
      cpuSeconds.push(result.cpuSeconds);
      loss = result.loss;
    }
    const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
    console.log(JSON.stringify({ seconds, cpuSeconds, loss, peakMemoryBytes }));
  }
  await programs.dispose();
  state.dispose();
}

void main();
