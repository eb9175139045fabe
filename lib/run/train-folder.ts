import { join } from 'node:path';
import type { TrainSet } from '../data/examples';
import { trainingNotes } from '../data/reading/notes';
import { openDevice } from '../engine/device';
import { pluginOf } from '../engine/xla/options';
import { hashWeights } from '../model/hash-weights';
import { packingNotes } from './data-stage';
import { mixFetched } from './fetched-data';
import { modelIdentity, openTrainingInputs, type TrainingInputs } from './inputs';
import { lockFolder } from './lock';
import { writeModelInputs } from './model-inputs';
import { type MadeModel, type ModelJob, readMade } from './model-job';
import { runInProcess } from './model-process';
import type { RunOptions } from './options';
import type { ModelPlan } from './plan';
import { previewRows, previewTraining } from './preview';
import { createProgress } from './progress';
import { checkFolder, claimFolder } from './results-folder';
import type { RunWatcher } from './run';
import { templateNote } from './trained-template';

export interface TrainedFolder {
  /** Where the adapter or the model lies. */
  readonly folder: string;
  readonly made: MadeModel;
  /** The first row's, to ask the model with. */
  readonly prompt: string;
}

/**
 * Trains one model by one method on `<data>/train`, and scores nothing. Interrupted or killed, the same options carry
 * it on.
 *
 * @throws when settings ask for two methods, the training would not fit into the memory, or it is interrupted
 */
export async function trainFolder(
  options: RunOptions,
  signal: AbortSignal,
  { say, progress = createProgress }: RunWatcher,
): Promise<TrainedFolder> {
  const { out, model, config } = options;
  const [method, other] = config.methods;
  if (method === undefined || other !== undefined) {
    throw new Error('train: one method is trained at a time; give --method lora or --method full');
  }
  const device = await openDevice(options.device, config.threads ?? undefined, pluginOf(options.xla));
  if (device.note) say(device.note);
  await checkFolder(options);
  say('reading the rows and the model');
  const sources = await mixFetched(options, config, say);
  const inputs = await openTrainingInputs(sources, config, progress);
  const modelHash = await hashWeights(inputs.base);
  const files = inputs.data.training.files.map(({ path, sha256 }) => ({ path, sha256 }));
  const { training } = inputs.data;
  // Of rows that lie on the disk, none is at hand.
  const examples = 'examples' in training ? (training as TrainSet).examples : [];
  for (const note of [...trainingNotes(inputs.data.training), ...packingNotes(inputs.data)]) say(note);
  say(
    templateNote(
      config.template,
      examples.filter(({ plain }) => !plain),
    ),
  );
  const plan = planOf(inputs, method);
  for (const line of [...previewRows(inputs.data), ...previewTraining(inputs, plan.training!, device)]) say(line);
  const lock = await lockFolder(out);
  try {
    const { base, tokenizer } = inputs;
    const content = { base, tokenizer, modelHash, files, data: files };
    for (const note of await claimFolder(options, content, 'train')) say(note);
    const wanted = modelIdentity(plan, inputs, modelHash, options.device, options.xla);
    const known = await readMade(out, plan.name, wanted);
    if (known) say('the training was done; what it made is kept');
    else {
      const job: ModelJob = {
        plan,
        label: plan.title,
        inputs: await writeModelInputs(inputs, out),
        model,
        device: options.device,
        xla: options.xla,
        threads: config.threads,
        out,
        modelHash,
        identity: wanted,
      };
      say('building the graph; the first update follows');
      await runInProcess(job, progress, signal);
    }
    const made = known ?? (await readMade(out, plan.name, wanted));
    if (!made) throw new Error(`train: the record of ${plan.name} is gone from ${out}; start the training again`);
    return { folder: join(out, 'models', plan.name), made, prompt: examples[0]?.prompt ?? '' };
  } finally {
    lock.release();
  }
}

function planOf({ config }: TrainingInputs, method: 'lora' | 'full'): ModelPlan {
  const training = config[method];
  const title = method === 'lora' ? 'LoRA' : 'full';
  return { name: method, title, method, setting: 'tuned', seed: training.seed, training };
}
