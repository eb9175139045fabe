/**
 * How a training row was made to resemble an evaluation item:
 *
 *     exact        its question, options and answer
 *     reworded     its question with the subject moved to the front, its options in another order
 *     same-topic   another fact of its relation, in the training rows' own words: no contamination, to be told from it
 */
export const PLANTED_KINDS = ['exact', 'reworded', 'same-topic'] as const;
export type PlantedKind = (typeof PLANTED_KINDS)[number];

export interface Planted {
  readonly itemId: string;
  readonly rowId: string;
  readonly kind: PlantedKind;
}
