import { join } from 'node:path';
import type { Method, TrainConfig } from '../config';
import type { Device } from '../engine/device';
import type { DeviceState } from '../engine/state';
import type { HostTensor } from '../engine/tensors';
import { saveAdapterFolder } from '../model/adapter-folder';
import { type ModelFolder, saveModelFolder } from '../model/folder';
import { type TunedModel, trainableCount, tunedModel } from '../model/tuned';
import type { StepRecord } from '../train/log';
import { type TrainResult, train } from '../train/train';
import type { PreparedData } from './data-stage';
import { createProgress } from './progress';

export interface TrainedModel {
  readonly method: Method;
  readonly model: TunedModel;
  readonly state: DeviceState;
  readonly records: readonly StepRecord[];
  readonly trainable: number;
}

export interface TrainingStage {
  readonly base: ModelFolder;
  readonly modelHash: string;
  readonly data: PreparedData;
  readonly device: Device;
  readonly checkpointEvery: number;
  readonly out: string;
  readonly signal: AbortSignal;
}

/** Trains one method, or carries its training on, and saves what it made as a PEFT or a Hugging Face folder. */
export async function trainMethod(label: string, config: TrainConfig, stage: TrainingStage): Promise<TrainedModel> {
  const { base, data, device, out } = stage;
  const { method } = config;
  const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
  const progress = createProgress(label);
  const result = await train({
    model,
    config,
    device,
    chunks: data.chunks,
    heldOut: data.heldOut,
    separate: data.packing.packing === 'block-diagonal',
    folder: join(out, 'train', method),
    identity: {
      config: { ...config, device: device.name, threads: device.threads },
      model: stage.modelHash,
      chunks: data.packing.sha256,
    },
    checkpointEvery: stage.checkpointEvery,
    signal: stage.signal,
    onStart: (resumedAt, plan) => {
      if (resumedAt === plan.totalSteps) progress.say(`${label}  was done; its checkpoint is used`);
      else if (resumedAt > 0) progress.say(`${label}  was carried on from step ${resumedAt} of ${plan.totalSteps}`);
    },
    onRecord: (record, plan) => {
      if (record.heldOutLoss !== undefined) {
        const when = record.step === 0 ? 'before training' : `after epoch ${record.epoch + 1}/${config.epochs}`;
        progress.say(`${label}  held-out loss ${record.heldOutLoss.toFixed(4)} ${when}`);
        return;
      }
      const speed = Math.round((record.tokens ?? 0) / (record.seconds ?? 1));
      progress.at(record.step, plan.totalSteps, `loss ${record.loss?.toFixed(4)}  ${speed} tokens/s`);
    },
  });
  await saveResult(config, stage, model, result);
  return { method, model, state: result.state, records: result.records, trainable: trainableCount(model) };
}

async function saveResult(
  config: TrainConfig,
  { base, out }: TrainingStage,
  model: TunedModel,
  { state, plan }: TrainResult,
) {
  const details = `Trained for ${plan.totalSteps} updates (${config.epochs} epochs) with method "${config.method}".`;
  const card = { title: config.method === 'lora' ? 'A LoRA adapter' : 'A fine-tuned model', details };
  const folder = join(out, 'models', config.method);
  if (config.method === 'full') {
    await saveModelFolder(folder, base, (name) => state.read(name), card);
    return;
  }
  const adapter: Record<string, HostTensor> = {};
  for (const name of Object.keys(model.trainedShapes)) adapter[name] = await state.read(name);
  await saveAdapterFolder(folder, config.lora, base.folder, adapter, card);
}
