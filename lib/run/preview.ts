import { freemem, totalmem } from 'node:os';
import type { TrainConfig } from '../config';
import type { Device } from '../engine/device';
import { tunedModel } from '../model/tuned';
import { askedPlaces, planBatches } from '../train/batches';
import { estimateTrainingMemory } from '../train/peak-memory';
import { warmupUpdates } from '../train/schedule';
import type { PreparedRows } from './data-stage';
import type { ModelInputs } from './model-inputs';

const count = (n: number) => n.toLocaleString('en');

/** What trainings will read, said before the first update. */
export function previewRows({ mixture, rows, packing: packed }: PreparedRows): string[] {
  return [
    `rows: ${count(rows)} read, ${count(mixture.total)} drawn, ` +
      `${count(packed.samples)} to train on and ${count(mixture.total - packed.samples)} held out`,
    `tokens: ${count(packed.tokens)} in ${count(packed.chunks)} chunks of ${packed.maxSeqLen}, ` +
      `${count(packed.lossTokens)} of them of responses, which are learnt`,
    ...weightWarnings(mixture),
  ];
}

/** Where rows are drawn by weights of one's own: those that do not hold. */
function weightWarnings({ shares, rows, missing, totalWithoutShortfall }: PreparedRows['mixture']): string[] {
  if (shares !== 'given') return [];
  const short = rows.filter((row) => row.short);
  const lacking = short.map(
    ({ name, drawnPercent, targetPercent }) =>
      `${name} gives all its rows, ${drawnPercent.toFixed(1)} % of those drawn where its weight is ${targetPercent.toFixed(1)} %`,
  );
  return [
    ...(short.length > 0
      ? [`warning: the weights do not hold: ${lacking.join('; ')}; use --samples ${totalWithoutShortfall} or fewer`]
      : []),
    ...(missing.length > 0
      ? [`warning: no row is of the source ${missing.map((one) => `"${one}"`).join(', ')}, which has a weight`]
      : []),
  ];
}

/** The highest estimated peak of the methods' trainings, in bytes; of a device whose memory can be estimated. */
export const highestPeak = (inputs: ModelInputs, device: Device): number =>
  Math.max(...inputs.config.methods.map((method) => trainingPeak(inputs, inputs.config[method], device)));

/** The estimated peak of one training, in bytes. */
export function trainingPeak(
  { base, chunks, heldOut, packing: { packing } }: ModelInputs,
  config: TrainConfig,
  device: Device,
): number {
  const model = tunedModel(base, config.method, config.method === 'lora' ? config.lora : undefined);
  const form = { separate: packing !== 'concatenated', asked: askedPlaces(chunks, heldOut) };
  return estimateTrainingMemory(model, config, device, form).total;
}

/**
 * What one training will do, said before its first update: updates, warm-up, memory.
 *
 * @throws when its estimated peak does not fit into the machine's memory, naming settings that would make it fit
 */
export function previewTraining(inputs: ModelInputs, config: TrainConfig, device: Device): string[] {
  const { totalSteps, stepsPerEpoch } = planBatches(inputs.chunks.length, config);
  const warmup = warmupUpdates(config.warmupSteps, totalSteps);
  const estimate = (changed: Partial<TrainConfig>): number => trainingPeak(inputs, { ...config, ...changed }, device);
  const epochs = `${count(config.epochs)} ${config.epochs === 1 ? 'epoch' : 'epochs'}`;
  const whole = config.epochs * stepsPerEpoch;
  const all = `${count(whole)} = ${epochs} x ${count(stepsPerEpoch)} of ${config.batchSize * config.accumulation} chunks each`;
  return [
    `updates: ${totalSteps < whole ? `${count(totalSteps)}, of ${all}` : all}; warm-up: ${count(warmup)} of them`,
    ...(device.name === 'cpu' ? [memoryLine(estimate({}), config, estimate)] : []),
    ...warmupWarning(warmup, totalSteps, config.learningRate),
  ];
}

/** A warm-up that is most of the training: the rate is then below its peak nearly all the time. */
function warmupWarning(warmup: number, total: number, rate: number): string[] {
  if (2 * warmup <= total) return [];
  const what =
    warmup >= total
      ? `the warm-up of ${count(warmup)} updates is no shorter than the training of ${count(total)}, so the peak rate ${rate} is never reached`
      : `the warm-up takes ${count(warmup)} of ${count(total)} updates, so the peak rate ${rate} is reached late`;
  return [`warning: ${what}, and little is learnt; use --warmup 3%`];
}

function memoryLine(
  peak: number,
  { batchSize, accumulation, maxSeqLen }: TrainConfig,
  estimate: (changed: Partial<TrainConfig>) => number,
): string {
  const total = totalmem();
  const line = `memory: about ${size(peak)} at its peak, of ${size(total)} (${size(freemem())} free)`;
  if (peak <= total) return line;
  const remedies = [
    ...(batchSize > 1
      ? [{ text: `--batch-size 1 --accumulation ${batchSize * accumulation}`, peak: estimate({ batchSize: 1 }) }]
      : []),
    ...[2, 4, 8].map((by) => {
      const shorter = Math.max(2, Math.floor(maxSeqLen / by));
      return { text: `--max-seq-len ${shorter}`, peak: estimate({ maxSeqLen: shorter }) };
    }),
    ...[4, 8].map((by) => {
      const changed = { batchSize: 1, maxSeqLen: Math.max(2, Math.floor(maxSeqLen / by)) };
      return { text: `--batch-size 1 --max-seq-len ${changed.maxSeqLen}`, peak: estimate(changed) };
    }),
  ];
  const fitting = remedies.filter((one) => one.peak <= total).slice(0, 3);
  const help =
    fitting.length > 0
      ? `what would fit: ${fitting.map((one) => `${one.text} (${size(one.peak)})`).join('; ')}`
      : 'no batch and no length would make it fit: use a smaller model, or LoRA';
  throw new Error(`train: ${line}, which is too much; ${help}`);
}

const size = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GB`;
