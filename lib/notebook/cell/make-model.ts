import type { ModelRecord } from '../../compare/run-record';
import type { TrainConfig } from '../../config';
import { hashModel, modelIdentity, openInputs } from '../../run/inputs';
import { writeModelInputs } from '../../run/model-inputs';
import { readMade } from '../../run/model-job';
import { runInProcess } from '../../run/model-process';
import type { RunOptions } from '../../run/options';
import type { ModelPlan } from '../../run/plan';
import { createProgress } from '../../run/progress';
import type { RunWatcher } from '../../run/run';
import { interruptSignal } from '../kernel/interrupt';
import { showProgress } from './show-progress';

export interface ModelRequest {
  /** Names its files: 'lora-rank-4'. */
  readonly name: string;
  readonly training: TrainConfig;
  /** Rows, base model, items and the folder for results; `parseOptions` makes them. */
  readonly options: RunOptions;
}

/**
 * Trains one model with settings of its own, scores it, and gives its record; one that was made before is read. It works
 * in a process of its own, so that the notebook answers meanwhile. Interrupted, it stops after the current update with a
 * checkpoint, and the same cell carries it on.
 *
 * @throws when interrupted, and when the model's process fails
 */
export async function makeModel(
  { name, training, options }: ModelRequest,
  { say, progress = createProgress }: RunWatcher = showProgress(),
  signal: AbortSignal = interruptSignal(),
): Promise<ModelRecord> {
  if (!/^[\w.-]+$/.test(name)) {
    throw new Error(`model: "${name}" names a file, so it may have letters, digits, dot, dash and underscore only`);
  }
  const { data, model, config, device, xla, out } = options;
  const plan: ModelPlan = {
    name,
    title: name,
    method: training.method,
    setting: 'tuned',
    seed: training.seed,
    training,
  };
  const inputs = await openInputs({ data, model }, config);
  const modelHash = await hashModel(inputs);
  const identity = modelIdentity(plan, inputs, modelHash, device, xla);
  const known = await readMade(out, name, identity);
  if (known) {
    say(`${name}  was made before; its record is used`);
    return known.record;
  }
  await runInProcess(
    {
      plan,
      label: name,
      inputs: await writeModelInputs(inputs, out),
      model,
      device,
      xla,
      threads: null,
      out,
      modelHash,
      identity,
    },
    progress,
    signal,
  );
  const made = await readMade(out, name, identity);
  if (!made) throw new Error(`model: the record of ${name} is gone from ${out}; run the cell again`);
  return made.record;
}
