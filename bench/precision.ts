import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../lib/config';
import { type ChunkTensors, countLoss } from '../lib/data/packing/chunks';
import { openDevice } from '../lib/engine/device';
import { createState } from '../lib/engine/state';
import { type HostTensors, readSources } from '../lib/engine/tensors';
import { writeFileAtomic } from '../lib/files';
import { saveAdapterFolder } from '../lib/model/adapter-folder';
import { type TunedModel, tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { openRowInputs } from '../lib/run/inputs';
import { PRESETS } from '../lib/run/presets';
import { batchTensors } from '../lib/train/batches';
import { compileTraining, trainingState } from '../lib/train/programs';
import { learningRateAt } from '../lib/train/schedule';
import { updateOnce } from '../lib/train/train';
import { cpuPlugin } from './xla-plugin';

/**
 * How far bf16 moves the losses of a training, here on XLA and in PyTorch under its own autocast, over the same updates:
 * MED42_XLA_PLUGIN=FILE npm run bench -- precision MODEL DATA [full | lora] [updates] [tokens]
 *
 * One chunk of real rows an update. Each side is compared with its own float32 losses; results go to results/bench/.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const PRECISIONS = ['float32', 'bf16'] as const;
const SAMPLES = 400;

type Losses = Record<(typeof PRECISIONS)[number], number[]>;

async function main(): Promise<void> {
  const [folder, data, method = 'full', updates = '50', tokens = '128'] = process.argv.slice(2) as [
    string?,
    string?,
    Method?,
    string?,
    string?,
  ];
  if (!folder || !data) throw new Error('precision: give the folders of a model and of data');
  process.env.MED42_XLA_PLUGIN = cpuPlugin();
  const own = { batchSize: 1, maxSeqLen: Number(tokens), warmupSteps: 5 };
  const [lora, full] = [
    { ...PAPER_LORA, ...own },
    { ...PAPER_FULL, ...own },
  ];
  const preset = { ...PRESETS.real, samples: SAMPLES, lora, full };
  const inputs = await openRowInputs({ data: resolve(data), model: resolve(folder) }, preset);
  const config = method === 'lora' ? lora : full;
  const chunks: ChunkTensors[] = [];
  for (let i = 0; i < inputs.chunks.length && chunks.length < Number(updates); i++) {
    const chunk = inputs.chunks.at(i)!;
    if (countLoss(chunk) > 0) chunks.push(chunk);
  }
  if (chunks.length < Number(updates))
    throw new Error(`precision: ${data} gives ${chunks.length} chunks to learn from`);
  const model = tunedModel(inputs.base, method, method === 'lora' ? config.lora : undefined);
  const start = await readSources(model.initial(createRandom(1, 'adapter')));
  const sides: Record<string, Losses> = {
    'workbook on xla:cpu': await onEach((precision) => here(model, config, chunks, start, precision)),
    'PyTorch, autocast': await onEach((precision) => reference(model, config, chunks, start, precision)),
  };
  const rows = Object.entries(sides).map(([side, { float32, bf16 }]) => {
    const off = bf16.map((loss, i) => Math.abs(loss - float32[i]!));
    return { side, mean: off.reduce((a, b) => a + b) / off.length, most: Math.max(...off), float32, bf16 };
  });
  for (const { side, mean, most } of rows) {
    console.log(
      `${side}: |bf16 - float32| of a loss ${mean.toExponential(2)} on average, at most ${most.toExponential(2)}`,
    );
  }
  const name = `precision-${basename(resolve(folder))}-${method}.json`;
  await writeFileAtomic(join(ROOT, 'results', 'bench', name), `${JSON.stringify(rows, null, 2)}\n`);
}

async function onEach(of: (precision: keyof Losses) => Promise<number[]>): Promise<Losses> {
  return { float32: await of('float32'), bf16: await of('bf16') };
}

async function here(
  model: TunedModel,
  config: TrainConfig,
  chunks: readonly ChunkTensors[],
  start: HostTensors,
  precision: keyof Losses,
): Promise<number[]> {
  const device = await openDevice('xla:cpu', 1, { loops: true, precision });
  const programs = await compileTraining(model, config, device, { separate: false });
  const state = await createState(device, trainingState(start, 1));
  const losses: number[] = [];
  for (const [step, chunk] of chunks.entries()) {
    const batch = batchTensors([chunk], 1, { separate: false });
    const rate = learningRateAt(step, chunks.length, config);
    losses.push((await updateOnce(programs, config, state, [batch], step, rate)).loss);
    console.log(`here, ${precision}, update ${step + 1}: ${losses.at(-1)!.toFixed(5)}`);
  }
  state.dispose();
  await programs.dispose();
  return losses;
}

async function reference(
  model: TunedModel,
  config: TrainConfig,
  chunks: readonly ChunkTensors[],
  start: HostTensors,
  precision: keyof Losses,
): Promise<number[]> {
  const work = mkdtempSync(join(tmpdir(), 'precision-'));
  try {
    const { learningRate, beta1, beta2, epsilon, weightDecay, decay, lora } = config;
    if (model.lora) await saveAdapterFolder(work, lora, model.base.folder, start, { title: '', details: '' });
    const plain = (values: ArrayLike<number>) => [Array.from(values)];
    const request = {
      method: model.method,
      precision,
      steps: chunks.map((c) => [{ tokens: plain(c.tokens), targets: plain(c.targets), weights: plain(c.weights) }]),
      optimizer: { learningRate, beta1, beta2, epsilon, weightDecay, decayGroups: decay },
      clipNorm: config.clipNorm,
      warmupSteps: config.warmupSteps,
      totalSteps: chunks.length,
      finalRatio: config.finalRateRatio,
      lora: { rank: lora.rank, alpha: lora.alpha, init: join(work, 'adapter_model.safetensors') },
    };
    const [file, out] = [join(work, 'request.json'), join(work, 'out')];
    writeFileSync(file, JSON.stringify(request));
    const script = [join(ROOT, 'test', 'parity', 'reference.py'), 'train'];
    const args = [...script, '--model', model.base.folder, '--request', file, '--out', out];
    const { status } = spawnSync(join(ROOT, '.venv-parity', 'bin', 'python'), args, {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`precision: reference.py ended with ${status}`);
    const { steps } = JSON.parse(readFileSync(join(out, 'train.json'), 'utf8')) as { steps: { loss: number }[] };
    return steps.map(({ loss }) => loss);
  } finally {
    rmSync(work, { recursive: true });
  }
}

main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
