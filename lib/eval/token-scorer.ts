import { compile, type Program, type Step } from '../engine/compile';
import type { Device } from '../engine/device';
import type { DeviceState } from '../engine/state';
import { float32Specs, type HostTensors, int32 } from '../engine/tensors';
import * as tf from '../engine/tf';
import { type LlamaConfig, linearShapes, type ScoringScope } from '../model/llama';
import { FORBIDDEN } from '../model/mask';
import { readTensor } from '../model/safetensors';
import type { TunedModel } from '../model/tuned';
import { type Bucket, lengthBuckets } from './length-buckets';
import type { ScoredRow, ScoringRow, TokenScorer } from './loglikelihood';
import { isChain } from './token-tree';

/** Numbers of one batch's logits: 64 MB of float32. */
const MOST_LOGITS = 16_777_216;
/** Multiplications and additions that take as long as compiling a layer (20 to 30 ms). */
const GRAPH_WORK = 1e9;

/**
 * Scores rows with a model: one graph for each bucket of lengths, rows padded on the right, where no row looks.
 * Only the distributions that are asked for are computed, each once. A batch is left out where all its rows are known,
 * and computed whole otherwise: scores are the same, bit for bit, however often scoring was interrupted.
 *
 * @param state holds the model's trained tensors (empty for the untouched base)
 */
export function createTokenScorer(model: TunedModel, state: DeviceState, device: Device): TokenScorer {
  const { config } = model.base;
  return {
    maxLength: config.maxPositionEmbeddings,
    vocabSize: config.vocabSize,
    balancedLength: balancedLength(config),
    scoreRows: (rows) => scoreRows(model, state, device, rows),
  };
}

async function* scoreRows(
  model: TunedModel,
  state: DeviceState,
  device: Device,
  rows: readonly ScoringRow[],
): AsyncGenerator<ScoredRow> {
  const balance = balancedLength(model.base.config);
  const buckets = lengthBuckets(
    rows.map(({ tree }) => tree.tokens.length),
    rows.map(({ picks }) => placesOf(picks).length),
    {
      mostPlaces: Math.floor(MOST_LOGITS / model.base.config.vocabSize),
      rowCost: (length) => length + length ** 2 / balance,
      graphCost: GRAPH_WORK / tokenWork(model.base.config),
    },
  );
  for (const bucket of buckets) {
    const open = bucket.batches.filter((batch) => batch.some((row) => !rows[row]!.known));
    if (open.length === 0) continue;
    const shape = graphShape(bucket, rows);
    const program = await compileScoring(model, device, shape);
    try {
      for (const batch of open) {
        const inputs = batchInputs(
          batch.map((row) => rows[row]!),
          shape,
        );
        const { logProb, isGreedy } = await program.run(inputs, state);
        let at = 0;
        for (const row of batch) {
          const scores = rows[row]!.picks.map(() => {
            const score = { logProb: logProb!.data[at]!, isGreedy: isGreedy!.data[at]! === 1 };
            at++;
            return score;
          });
          yield { row, scores };
        }
      }
    } finally {
      await program.dispose();
    }
  }
}

/** The nodes that a row is asked about, each once. */
const placesOf = (picks: ScoringRow['picks']): number[] => [...new Set(picks.map(({ node }) => node))];

/** Multiplications and additions of a layer's linear parts, a token. */
const tokenWork = (config: LlamaConfig): number =>
  Object.values(linearShapes(config)).reduce((sum, [out, size]) => sum + 2 * out * size, 0);

/** Attention's work a pair of tokens: two products of a head's width, and passes over the score measured at about 40. */
const balancedLength = (config: LlamaConfig): number =>
  tokenWork(config) / (config.numAttentionHeads * (4 * config.headDim + 40));

/** What a bucket's graph is made for: the most that a batch of it holds. */
interface GraphShape {
  readonly batch: number;
  readonly length: number;
  /** Asked for of one row, of the whole batch, and how often. */
  readonly rowPlaces: number;
  readonly places: number;
  readonly picks: number;
  /** Some row has branches: positions and who sees whom are inputs. */
  readonly branched: boolean;
}

function graphShape({ length, batchSize, batches }: Bucket, rows: readonly ScoringRow[]): GraphShape {
  const most = (count: (row: ScoringRow) => number) =>
    batches.reduce(
      (max, batch) =>
        Math.max(
          max,
          batch.reduce((sum, row) => sum + count(rows[row]!), 0),
        ),
      0,
    );
  return {
    batch: batchSize,
    length,
    rowPlaces: batches.flat().reduce((max, row) => Math.max(max, placesOf(rows[row]!.picks).length), 0),
    places: most(({ picks }) => placesOf(picks).length),
    picks: most(({ picks }) => picks.length),
    branched: batches.some((batch) => batch.some((row) => !isChain(rows[row]!.tree))),
  };
}

/**
 * Inputs tokens [B, T], with branches also positions and ends [B, T]; rowPlaces [B, R] in each row; places [Q],
 * those of the B*R that are not padding; of the picks [P], which of the Q and which target. Outputs logProb and isGreedy [P].
 */
function compileScoring(model: TunedModel, device: Device, shape: GraphShape): Promise<Program> {
  const { batch, length, rowPlaces, places, picks, branched } = shape;
  const step: Step = ({ inputs, state, frozen }) => {
    const scope: ScoringScope = {
      asked: inputs.rowPlaces!,
      ...(branched ? { branches: { positions: inputs.positions!, mask: treeMask(inputs.ends!) } } : {}),
    };
    const { hidden, head } = model.forward(state, frozen, inputs.tokens!, { scope }); // [B*R, C]
    const asked = tf.gather(hidden, inputs.places!); // [Q, C]
    const logits = tf.matMul(asked, head as tf.Tensor2D, false, true); // [Q, V]
    const logSumExp = tf.max(logits, -1).sub(tf.log(tf.max(tf.softmax(logits), -1))); // [Q]
    const at = inputs.pickPlaces as tf.Tensor1D;
    const logit = tf.sum(tf.gather(asked, at).mul(tf.gather(head, inputs.targets!)), -1); // [P]
    const best = tf.gather(tf.argMax(logits, -1), at);
    const isGreedy = tf.equal(best, inputs.targets!).cast('int32');
    return { outputs: { logProb: logit.sub(tf.gather(logSumExp, at)), isGreedy } };
  };
  const ints = (...of: readonly number[]) => ({ shape: of, dtype: 'int32' }) as const;
  const treeInputs = branched ? { positions: ints(batch, length), ends: ints(batch, length) } : {};
  return compile(
    step,
    {
      name: `score-${model.method}-${batch}x${length}`,
      inputs: {
        tokens: ints(batch, length),
        ...treeInputs,
        rowPlaces: ints(batch, rowPlaces),
        places: ints(places),
        pickPlaces: ints(picks),
        targets: ints(picks),
      },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
      readFrozen: readTensor,
    },
    device,
  );
}

/** ends [B, T] -> [B, T, T], added to scores: 0 where j <= i < end(j), so that node i sees node j. */
function treeMask(ends: tf.Tensor): tf.Tensor {
  const [batch, length] = ends.shape as [number, number];
  const nodes = tf.range(0, length, 1, 'int32');
  const query = nodes.reshape([1, length, 1]);
  const later = tf.greater(nodes.reshape([1, 1, length]), query).cast('float32');
  const apart = tf.lessEqual(ends.reshape([batch, 1, length]), query).cast('float32');
  return later.add(apart).mul(tf.scalar(FORBIDDEN));
}

/** Missing rows, places and picks are zeros; their scores are not read. A padded node sees itself, and none sees it. */
function batchInputs(rows: readonly ScoringRow[], shape: GraphShape): HostTensors {
  const { batch, length, branched } = shape;
  const tokens = int32([batch, length]);
  const positions = int32([batch, length]);
  const ends = int32([batch, length]);
  const rowPlaces = int32([batch, shape.rowPlaces]);
  const places = int32([shape.places]);
  const pickPlaces = int32([shape.picks]);
  const targets = int32([shape.picks]);
  for (let i = 0; i < batch * length; i++) ends.data[i] = (i % length) + 1;
  let place = 0;
  let pick = 0;
  rows.forEach(({ tree, picks }, r) => {
    tokens.data.set(tree.tokens, r * length);
    positions.data.set(tree.positions, r * length);
    ends.data.set(tree.ends, r * length);
    const placeOf = new Map<number, number>();
    for (const [i, node] of placesOf(picks).entries()) {
      rowPlaces.data[r * shape.rowPlaces + i] = node;
      places.data[place] = r * shape.rowPlaces + i;
      placeOf.set(node, place++);
    }
    for (const { node, target } of picks) {
      pickPlaces.data[pick] = placeOf.get(node)!;
      targets.data[pick] = target;
      pick++;
    }
  });
  return { tokens, ...(branched ? { positions, ends } : {}), rowPlaces, places, pickPlaces, targets };
}
