import type { PlantedKind } from './planted';

/** What was compared of an item and of a training row; `views.ts` builds the texts. */
export const VIEWS = ['question', 'question-options', 'question-answer'] as const;
export type View = (typeof VIEWS)[number];

/** What turned texts into vectors. */
export interface EncoderDescription {
  /** The folder's own name. */
  readonly name: string;
  readonly architecture: 'transformer' | 'static';
  readonly pooling: 'mean' | 'cls' | 'max';
  /** E: numbers in a vector. */
  readonly dimension: number;
  /** Word pieces, control tokens among them, that one text may have; null when nothing is cut. */
  readonly maxSeqLength: number | null;
  /** sha256 over the files that decide a vector: configuration, tokenizer, weights. */
  readonly sha256: string;
}

/** How many texts the encoder did not read to their end. */
export interface Truncation {
  readonly texts: number;
  readonly truncated: number;
  readonly percent: number;
}

export interface FlagCount {
  readonly n: number;
  readonly flagged: number;
  readonly percent: number;
}

/** A task of the data, or one of its subjects. */
export interface TaskFlags extends FlagCount {
  readonly task: string;
  /** null: the whole task. */
  readonly subject: string | null;
}

/** A training row near an item, kept as evidence. */
export interface EvidencePair {
  readonly itemId: string;
  readonly task: string;
  readonly subject: string | null;
  readonly rowId: string;
  readonly source: string;
  /** Training rows with this very text; `rowId` is the first of them. */
  readonly copies: number;
  /** 1 for the item's nearest row. */
  readonly rank: number;
  readonly cosine: number;
  /** Above the threshold. */
  readonly flagged: boolean;
  /** The compared texts, as the view has them. */
  readonly itemText: string;
  readonly rowText: string;
  /** Equal after case, punctuation and white space are taken off. */
  readonly exact: boolean;
  /** A run of 13 words that both have, or null. */
  readonly sharedNgram: string | null;
}

/** What stands in a text's place where a record keeps none, by the item's or row's name. */
export const leftOutText = (name: string): string => `(text not kept: ${name})`;

export const isLeftOut = ({ itemId, itemText, rowId, rowText }: EvidencePair): boolean =>
  itemText === leftOutText(itemId) && rowText === leftOutText(rowId);

export interface SweepRow extends FlagCount {
  readonly threshold: number;
  readonly tasks: readonly TaskFlags[];
}

/** A detector that needs no vectors, over the same texts. */
export interface SecondOpinion {
  readonly method: 'normalised exact match' | '13-gram overlap';
  /** What was compared, and whose rule it is. */
  readonly rule: string;
  readonly total: FlagCount;
  readonly tasks: readonly TaskFlags[];
  readonly flagged: readonly string[];
  /** Items that the main detector flags too. */
  readonly alsoFlagged: number;
  /** Items that the detector cannot flag: with fewer than 13 words there is no 13-gram. */
  readonly cannotMatch: number;
  readonly truth: TruthScore | null;
}

/** One kind of planted pair, item by item. */
export interface KindRecall {
  readonly kind: PlantedKind;
  readonly items: number;
  readonly flagged: number;
  /** Flagged, and the planted row itself is above the threshold among the rows kept. */
  readonly rowFound: number;
  readonly rate: number | null;
}

/**
 * How well flagged items meet the planted truth. An item is contaminated when a pair `exact` or `reworded` names it;
 * every other item, those of `same-topic` among them, is clean.
 */
export interface TruthScore {
  readonly precision: number | null;
  readonly recall: number | null;
  /** `precision` with the items of `falseTaught` left out. */
  readonly precisionUntaught: number | null;
  readonly flagged: number;
  readonly truePositives: number;
  /** Clean items that were flagged: by themselves those of `same-topic`, and the rest. */
  readonly falseSameTopic: number;
  readonly falseOther: number;
  /** Of the latter, items whose fact a training row teaches in other words: near to it by right, but not planted. */
  readonly falseTaught: number;
  readonly kinds: readonly KindRecall[];
}

export interface TruthRow extends TruthScore {
  readonly threshold: number;
}

/** The result of `decontaminate`, as decontamination.json holds it. */
export interface Decontamination {
  readonly version: 1;
  /** The detector, for a heading: 'cosine of all-MiniLM-L6-v2 embeddings'. */
  readonly method: string;
  readonly kind: 'embedding' | 'tf-idf';
  /** Cosine above 0.8 of a SentenceTransformers transformer. Which one, and of what text, the paper does not say. */
  readonly isPapersMethod: boolean;
  /** To stand wherever a number of this record stands; null when `isPapersMethod`. */
  readonly notice: string | null;
  /** An item is flagged when a row's cosine exceeds it. */
  readonly threshold: number;
  readonly view: View;
  readonly topK: number;
  /** Pairs below it are not kept as evidence. */
  readonly floor: number;
  /** null for TF-IDF. */
  readonly encoder: EncoderDescription | null;
  readonly truncation: { readonly evaluation: Truncation; readonly training: Truncation } | null;
  readonly trainingRows: number;
  /** Different texts among the rows. */
  readonly trainingTexts: number;
  readonly total: FlagCount;
  /** Each task of the data, then its subjects. */
  readonly tasks: readonly TaskFlags[];
  /** Ids of the flagged items, in the order of the items. */
  readonly flagged: readonly string[];
  /** Each item's nearest cosine, for a histogram; in the order of the items. */
  readonly nearest: readonly number[];
  readonly pairs: readonly EvidencePair[];
  readonly sweep: readonly SweepRow[];
  readonly secondOpinions: readonly SecondOpinion[];
  /** At the sweep's thresholds and the detector's own; null where no truth was given. */
  readonly truth: readonly TruthRow[] | null;
  readonly assumptions: readonly string[];
}
