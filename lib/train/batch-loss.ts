import type { Tensors } from '../engine/compile';
import { dropout } from '../engine/dropout';
import { valueAndGradients } from '../engine/gradient';
import * as tf from '../engine/tf';
import { placesInRows, type TrainingScope } from '../model/llama';
import type { Dropout, TunedModel } from '../model/tuned';
import { crossEntropySum } from './loss';

/** A micro-batch's forward pass as a loss sees it. N: the places that have a target, of all rows. */
export interface BatchPass {
  /** [N, C] */
  readonly hidden: tf.Tensor;
  /** The output matrix [V, C]. */
  readonly head: tf.Tensor;
  /** [N] int32 */
  readonly targets: tf.Tensor;
  /** [N], 0 where a token carries no loss. */
  readonly weights: tf.Tensor;
  /** Of the layers in `BatchLoss.layers`: what the last norm makes of each one's states at the same places, [N, C]. */
  readonly after: ReadonlyMap<number, tf.Tensor>;
}

/** What training minimises. */
export interface BatchLoss {
  /** The layers, from 0 and not the last, whose states it reads beside the last one's. */
  readonly layers: readonly number[];
  /** A scalar: the sum over the places, not the mean, so that sums of micro-batches add up. */
  sum(pass: BatchPass): tf.Tensor;
}

/** The cross-entropy of the response tokens. */
export const RESPONSE_LOSS: BatchLoss = {
  layers: [],
  sum: ({ hidden, head, targets, weights }) => crossEntropySum(hidden, head, targets, weights),
};

/** @throws naming a layer that the loss reads and whose states are not the model's to give */
export function checkLoss({ layers }: BatchLoss, model: TunedModel): void {
  const last = model.base.config.numHiddenLayers - 1;
  const wrong = layers.find((layer) => !(Number.isInteger(layer) && layer >= 0 && layer < last));
  if (wrong === undefined) return;
  throw new Error(`train: a loss must read the states after layers 0 to ${last - 1} of this model, got layer ${wrong}`);
}

/** @param inputs as `batchSpecs` has them; with seed and step, an adapter's dropout */
export function lossSum(
  model: TunedModel,
  inputs: Tensors,
  trained: Tensors,
  frozen: Tensors,
  loss: BatchLoss,
): tf.Tensor {
  const { tokens, targets, weights, from, positions, places, seed, step } = inputs;
  const drop: Dropout | undefined =
    seed && step && model.lora ? (x, place) => dropout(x, model.lora!.dropout, seed, step, place) : undefined;
  const after = new Map<number, tf.Tensor>();
  const scope: TrainingScope = {
    ...(from && positions ? { segments: { from, positions } } : {}),
    ...(places ? { asked: places } : {}),
    watch: {
      layers: [...loss.layers].sort((a, b) => a - b),
      see: (layer, states) =>
        after.set(layer, places ? tf.gather(states(), placesInRows(places, tokens!.shape[1]!)) : states()),
    },
  };
  const { hidden, head } = model.forward(trained, frozen, tokens!, { scope, ...(drop ? { dropout: drop } : {}) });
  return loss.sum({ hidden, head, targets: targets!.flatten(), weights: weights!.flatten(), after });
}

/** The sum of a batch's losses over its response tokens, and the gradient of that sum. */
export function lossAndGradients(
  model: TunedModel,
  inputs: Tensors,
  trained: Record<string, tf.Tensor>,
  frozen: Tensors,
  loss: BatchLoss,
) {
  return valueAndGradients((variables) => lossSum(model, inputs, variables, frozen, loss), trained);
}
