import type { EvalItem, TrainExample } from '../data/examples';
import type { Device } from '../engine/device';
import type { Encoder } from './encoder';
import { taskFlags, totalFlags, truthScore } from './flags';
import { nearestByEmbedding } from './nearest-by-embedding';
import type { Neighbours } from './neighbours';
import { normalised, sharedNgram } from './overlap';
import type { Planted } from './planted';
import type { Decontamination, EvidencePair, View } from './record';
import { openRowTexts, type RowTexts } from './row-texts';
import { openSecondLook, type SecondLook } from './second-opinions';
import { compatible } from './text-form';
import { nearestByTfIdf, TF_IDF, TF_IDF_THRESHOLD } from './tf-idf';
import { comparedRows, itemText } from './views';

/** The paper's: 'if the cosine similarity exceeds 0.8'. */
export const PAPER_THRESHOLD = 0.8;
export const DEFAULT_VIEW: View = 'question-options';
export const DEFAULT_TOP_K = 5;
const SWEEP = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

/** What compares: an encoder's vectors, or TF-IDF where there is none. */
export type Comparison =
  | {
      readonly kind: 'embedding';
      readonly encoder: Encoder;
      readonly device: Device;
      /** Where vectors are kept from run to run; without it they are forgotten. */
      readonly cache?: string;
    }
  | { readonly kind: 'tf-idf' };

/** Gives each training row to `take`. */
export type ReadRows = (take: (row: TrainExample) => void) => Promise<unknown>;

export interface DecontaminationInput {
  readonly items: readonly EvalItem[];
  /** In memory, or read once, one after the other. */
  readonly rows: readonly TrainExample[] | ReadRows;
  readonly comparison: Comparison;
  /** Default: the paper's 0.8; for TF-IDF its own, chosen on development pairs. */
  readonly threshold?: number;
  readonly view?: View;
  readonly topK?: number;
  /** Least cosine of a pair kept as evidence. Default: 0.05 below the threshold. */
  readonly floor?: number;
  /** The truth, where pairs were planted. */
  readonly planted?: readonly Planted[];
  /** Ids of items whose fact the training rows teach in their own words: no pair was planted, yet one may be near. */
  readonly taught?: ReadonlySet<string>;
  readonly at?: (stage: 'embedding' | 'searching', done: number, total: number) => void;
}

/**
 * Flags the evaluation items that a training row is too near to. The training rows stay as they are.
 *
 * An item is flagged when the cosine of its text and that of any row EXCEEDS the threshold. Every row is compared with
 * every item; each item's k nearest different texts are kept.
 *
 * @throws on items or rows that are none, two items of one id, a threshold outside 0 to 1, or a planted pair of unknown ids
 * Source: paper, appendix A.4; Lee et al. 2023 (Platypus), whose encoder is all-MiniLM-L6-v2.
 * Differs: Platypus drops training rows, and of each item only the nearest one.
 */
export async function decontaminate(input: DecontaminationInput): Promise<Decontamination> {
  const { items, comparison, view = DEFAULT_VIEW, topK = DEFAULT_TOP_K, planted, taught = new Set() } = input;
  const ownThreshold = comparison.kind === 'embedding' ? PAPER_THRESHOLD : TF_IDF_THRESHOLD;
  const threshold = input.threshold ?? ownThreshold;
  const floor = input.floor ?? Math.max(0, threshold - 0.05);
  check(input, threshold, topK);
  const itemTexts = items.map((item) => compatible(itemText(item, view)));
  const second = openSecondLook(items, itemTexts);
  const texts = openRowTexts(view, planted !== undefined);
  try {
    const trainingRows = await readRows(input.rows, texts, second);
    checkRows(trainingRows, texts, planted);
    const { neighbours, truncation } = await nearest(itemTexts, texts, topK, comparison, input.at);
    const { k, cosines, rows: found } = neighbours;
    const closest = items.map((_, i) => cosines[i * k]!);
    const flagsAt = (least: number) => closest.map((cosine) => cosine > least);
    const flagged = flagsAt(threshold);

    const itemPlace = new Map(items.map((item, i) => [item.id, i]));
    const truthAt = (flags: readonly boolean[], least: number) =>
      truthScore(items, flags, planted ?? [], taught, ({ itemId, rowId }) => {
        const first = itemPlace.get(itemId)! * k;
        const text = texts.ofRow(rowId)!;
        return found.subarray(first, first + k).some((row, rank) => row === text && cosines[first + rank]! > least);
      });
    const thresholds = [...new Set([...SWEEP, threshold])].sort((a, b) => a - b);

    const pairs = items.flatMap((item, i) =>
      Array.from({ length: k }, (_, rank): EvidencePair | undefined => {
        const cosine = cosines[i * k + rank]!;
        const text = found[i * k + rank]!;
        if (text < 0 || !(cosine >= floor)) return undefined;
        const { id: rowId, source, copies, written } = texts.of(text);
        const compared = texts.at(text)!;
        return {
          itemId: item.id,
          task: item.task,
          subject: item.subject ?? null,
          rowId,
          source,
          copies,
          rank: rank + 1,
          cosine,
          flagged: cosine > threshold,
          itemText: itemText(item, view),
          rowText: written,
          exact: normalised(itemTexts[i]!) === normalised(compared),
          sharedNgram: sharedNgram(itemTexts[i]!, compared),
        };
      }).filter((pair) => pair !== undefined),
    );
    const encoder = comparison.kind === 'embedding' ? comparison.encoder.description : null;
    const isPapersMethod = encoder?.architecture === 'transformer' && threshold === PAPER_THRESHOLD;
    return {
      version: 1,
      method: encoder ? `cosine of ${encoder.name} embeddings` : 'cosine of TF-IDF vectors',
      kind: comparison.kind,
      isPapersMethod,
      notice: isPapersMethod ? null : notice(encoder?.name, encoder?.architecture, threshold),
      threshold,
      view,
      topK,
      floor,
      encoder,
      truncation,
      trainingRows,
      trainingTexts: texts.length,
      total: totalFlags(flagged),
      tasks: taskFlags(items, flagged),
      flagged: items.filter((_, i) => flagged[i]).map((item) => item.id),
      nearest: closest,
      pairs,
      sweep: thresholds.map((t) => ({ threshold: t, ...totalFlags(flagsAt(t)), tasks: taskFlags(items, flagsAt(t)) })),
      secondOpinions: second.opinions(flagged, planted, taught),
      truth: planted ? thresholds.map((t) => ({ threshold: t, ...truthAt(flagsAt(t), t) })) : null,
      assumptions: assumptions(encoder?.name),
    };
  } finally {
    texts.close();
  }
}

/** Reads each row once. @returns how many there are */
async function readRows(rows: DecontaminationInput['rows'], texts: RowTexts, second: SecondLook): Promise<number> {
  let count = 0;
  const take = (row: TrainExample): void => {
    count++;
    for (const one of comparedRows(row)) second.look(one, texts.add(one));
  };
  if (typeof rows === 'function') await rows(take);
  else for (const row of rows) take(row);
  return count;
}

function check({ items }: DecontaminationInput, threshold: number, topK: number): void {
  if (items.length === 0) throw new Error('decontaminate: there are no evaluation items; give one or more');
  if (!(threshold > 0 && threshold < 1)) {
    throw new Error(`decontaminate: the threshold must lie between 0 and 1, got ${threshold}; the paper's is 0.8`);
  }
  if (!Number.isSafeInteger(topK) || topK < 1) {
    throw new Error(`decontaminate: topK must be a whole number of 1 or more, got ${topK}`);
  }
  const ids = new Set<string>();
  for (const { id } of items) {
    if (ids.has(id)) throw new Error(`decontaminate: two evaluation items have the id "${id}"; rename or delete one`);
    ids.add(id);
  }
}

function checkRows(count: number, texts: RowTexts, planted: readonly Planted[] = []): void {
  if (count === 0) throw new Error('decontaminate: there are no training rows; give one or more');
  for (const { rowId } of planted) {
    if (texts.ofRow(rowId) === undefined) {
      throw new Error(`decontaminate: planted pair of row "${rowId}", which is not among the training rows`);
    }
  }
}

async function nearest(
  items: readonly string[],
  rows: RowTexts,
  k: number,
  comparison: Comparison,
  at: DecontaminationInput['at'],
): Promise<{ readonly neighbours: Neighbours; readonly truncation: Decontamination['truncation'] }> {
  if (comparison.kind === 'embedding') {
    const { encoder, device, cache } = comparison;
    return nearestByEmbedding(items, rows, k, encoder, device, cache, at);
  }
  const searching = (done: number, total: number) => at?.('searching', done, total);
  return { neighbours: nearestByTfIdf(items, rows, k, TF_IDF, searching), truncation: null };
}

function notice(name: string | undefined, architecture: string | undefined, threshold: number): string {
  const why = !name
    ? `word statistics with a threshold of their own (${threshold}) in place of sentence embeddings`
    : architecture === 'static'
      ? `${name} averages word vectors and is no sentence transformer`
      : `the threshold is ${threshold} where the paper has ${PAPER_THRESHOLD}`;
  return `Not the paper's method: ${why}.`;
}

function assumptions(encoder: string | undefined): string[] {
  return [
    encoder
      ? `The paper names no encoder ('SentenceTransformers embeddings'); ${encoder} is used. Platypus, which it follows, uses all-MiniLM-L6-v2.`
      : "No encoder: the paper's 'SentenceTransformers embeddings' are replaced by TF-IDF vectors.",
    'The paper does not say which text of an item and of a row is compared. By the questions alone a pair of its figure A.1 is below 0.8, with the choices both are above (all-MiniLM-L6-v2): so the choices are compared too unless the view says otherwise.',
    'An item is flagged by any one row above the threshold; the training rows are not changed, as in the paper.',
  ];
}
