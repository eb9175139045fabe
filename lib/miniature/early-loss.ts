import * as tf from '../engine/tf';
import { type BatchLoss, RESPONSE_LOSS } from '../train/batch-loss';
import { crossEntropySum } from '../train/loss';

export interface EarlyLoss {
  /** After which layer, from 0; not the last. */
  readonly layer: number;
  /** What it counts beside the loss at the end. */
  readonly weight: number;
  /** Targets it passes over. */
  readonly except: readonly number[];
}

/** The loss at the end and, added to it, one after an earlier layer: answers then stand there early. */
export function earlyLoss({ layer, weight, except }: EarlyLoss): BatchLoss {
  return {
    layers: [layer],
    sum: (pass) => {
      const { head, targets, weights } = pass;
      const loss = RESPONSE_LOSS.sum(pass);
      const counted = except.reduce(
        (left, id) => left.mul(tf.cast(tf.notEqual(targets, tf.scalar(id, 'int32')), 'float32')),
        weights,
      );
      return loss.add(crossEntropySum(pass.after.get(layer)!, head, targets, counted).mul(weight));
    },
  };
}
