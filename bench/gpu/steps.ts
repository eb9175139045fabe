import type { Method } from '../../lib/config';
import { createState } from '../../lib/engine/state';
import { float32, type HostTensors, int32 } from '../../lib/engine/tensors';
import { tunedModel } from '../../lib/model/tuned';
import { updateConfig, WHOLE_CHUNKS } from '../../lib/plan/compiled';
import { createRandom } from '../../lib/random';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';
import type { CheckDevice } from './device';
import { randomModel } from './random-model';
import { requestOf, SHAPES, type ShapeName } from './shapes';

export interface StepTimes {
  /** Of the updates after the first, in order. */
  readonly seconds: readonly number[];
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly compileSeconds: number;
  /** Making random weights and bringing them to the device. */
  readonly loadSeconds: number;
  /** Of the device, bytes at the peak; null where the plug-in does not count. */
  readonly peakBytes: number | null;
}

/** Updates timed: as many as fit into so many seconds, within bounds. */
const SECONDS = 6;
const [LEAST, MOST] = [3, 20];

/** Updates of one shape, timed from Node: inputs go to the device and the loss comes back each time. */
export async function timeSteps(
  shape: ShapeName,
  method: Method,
  device: CheckDevice,
  say: (line: string) => void,
): Promise<StepTimes> {
  const request = requestOf(shape, method, { title: '', memoryBytes: 0 });
  const config = updateConfig(request);
  const { batch, length, model: llama } = SHAPES[shape];
  const label = `${shape} ${method}`;
  say(`${label}: random weights`);
  let began = performance.now();
  const lap = () => {
    const took = (performance.now() - began) / 1000;
    began = performance.now();
    return took;
  };
  const { model: base, remove } = await randomModel(llama);
  try {
    const model = tunedModel(base, method, request.lora);
    const made = lap();
    say(`${label}: compiling`);
    // Frozen weights go to the device here as well.
    const programs = await compileTraining(model, config, device, WHOLE_CHUNKS);
    const compileSeconds = lap();
    const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
    const loadSeconds = made + lap();
    const inputs = randomBatch(batch, length, llama.vocabSize);
    const losses: number[] = [];
    const seconds: number[] = [];
    let sum = 0;
    for (let step = 0; step <= MOST && (step <= LEAST || sum < SECONDS); step++) {
      const { loss } = await updateOnce(programs, config, state, [inputs], step, config.learningRate);
      losses.push(loss);
      const took = lap();
      if (step === 0) continue;
      seconds.push(took);
      sum += took;
    }
    say(`${label}: ${seconds.at(-1)!.toFixed(3)} s an update`);
    const peakBytes = device.hardware().memory?.peak ?? null;
    state.dispose();
    await programs.dispose();
    return { seconds, firstLoss: losses[0]!, lastLoss: losses.at(-1)!, compileSeconds, loadSeconds, peakBytes };
  } finally {
    await remove();
  }
}

function randomBatch(batch: number, length: number, vocabulary: number): HostTensors {
  const random = createRandom(1, 'gpu-check tokens');
  const draw = () =>
    int32(
      [batch, length],
      Int32Array.from({ length: batch * length }, () => random.int(vocabulary)),
    );
  return {
    tokens: draw(),
    targets: draw(),
    weights: float32([batch, length], new Float32Array(batch * length).fill(1)),
  };
}
