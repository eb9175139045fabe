import * as tf from '@tensorflow/tfjs';
import { compile, type Step } from '../engine/compile';
import type { Device } from '../engine/device';
import type { DeviceState } from '../engine/state';
import { float32Specs, int32 } from '../engine/tensors';
import { readTensor } from '../model/safetensors';
import type { TunedModel } from '../model/tuned';
import { lengthBuckets } from './length-buckets';
import type { PickScore, ScoringRow, TokenScorer } from './loglikelihood';

/**
 * Scores rows with a model: one graph for each bucket of lengths, rows padded on the right, where a causal model
 * does not look.
 *
 * @param state holds the model's trained tensors (empty for the untouched base)
 */
export function createTokenScorer(model: TunedModel, state: DeviceState, device: Device): TokenScorer {
  const { config } = model.base;
  return {
    maxLength: config.maxPositionEmbeddings,
    vocabSize: config.vocabSize,
    scoreRows: async (rows, onProgress) => {
      const scores: PickScore[][] = rows.map(() => []);
      let done = 0;
      for (const { length, batchSize, batches } of lengthBuckets(rows.map((r) => r.tokens.length))) {
        // A graph has a fixed number of picks: the most that a batch of this bucket needs.
        const picks = Math.max(...batches.map((b) => b.reduce((sum, row) => sum + rows[row]!.picks.length, 0)));
        const program = await compileScoring(model, device, batchSize, length, picks);
        for (const batch of batches) {
          const given = scoringInputs(
            batch.map((row) => rows[row]!),
            batchSize,
            length,
            picks,
          );
          const { logProb, isGreedy } = await program.run(given, state);
          let at = 0;
          for (const row of batch) {
            scores[row] = rows[row]!.picks.map(() => {
              const score = { logProb: logProb!.data[at]!, isGreedy: isGreedy!.data[at]! === 1 };
              at++;
              return score;
            });
          }
          done += batch.length;
          onProgress?.(done, rows.length);
        }
        await program.dispose();
      }
      return scores;
    },
  };
}

/** Inputs tokens [B, T], places [P] in the flat B*T, targets [P]; outputs logProb and isGreedy [P]. */
function compileScoring(model: TunedModel, device: Device, batch: number, length: number, picks: number) {
  const step: Step = ({ inputs, state, frozen }) => {
    const { hidden, head } = model.forward(state, frozen, inputs.tokens!);
    const picked = tf.gather(hidden, inputs.places!); // [P, C]
    const logits = tf.matMul(picked, head as tf.Tensor2D, false, true); // [P, V]
    const logSumExp = tf.max(logits, -1).sub(tf.log(tf.max(tf.softmax(logits), -1)));
    const target = tf.sum(picked.mul(tf.gather(head, inputs.targets!)), -1);
    const isGreedy = tf.equal(tf.argMax(logits, -1), inputs.targets!).cast('int32');
    return { outputs: { logProb: target.sub(logSumExp), isGreedy } };
  };
  const ints = (shape: readonly number[]) => ({ shape, dtype: 'int32' }) as const;
  return compile(
    step,
    {
      name: `score-${model.method}-${batch}x${length}`,
      inputs: { tokens: ints([batch, length]), places: ints([picks]), targets: ints([picks]) },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
      readFrozen: readTensor,
    },
    device,
  );
}

/** Missing rows and picks are zeros; their scores are not read. */
function scoringInputs(rows: readonly ScoringRow[], batch: number, length: number, picks: number) {
  const tokens = int32([batch, length]);
  const places = int32([picks]);
  const targets = int32([picks]);
  let at = 0;
  rows.forEach((row, r) => {
    tokens.data.set(row.tokens, r * length);
    for (const pick of row.picks) {
      places.data[at] = r * length + pick.position;
      targets.data[at] = pick.target;
      at++;
    }
  });
  return { tokens, places, targets };
}
