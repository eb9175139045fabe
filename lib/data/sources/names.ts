import { SUBSETS, type SubsetKey } from '../../paper/table-a1';

/** What a row's `source` value stands for. */
export interface SourceMapping {
  readonly subset: SubsetKey;
  /** True when the rows are real rows of a neighbouring set, or generated, in place of the subset's own. */
  readonly standIn: boolean;
  readonly note: string;
}

/** Source values that follow no rule, or whose note says more than the rule's. */
const NAMED: Readonly<Record<string, SourceMapping>> = {
  openorca: {
    subset: 'openorca_flan',
    standIn: true,
    note: 'real OpenOrca rows whose sub-mix (T0, Flan, CoT) is not recorded, counted as Flan',
  },
  openorca_cot_standin: {
    subset: 'openorca_cot',
    standIn: true,
    note: "FLAN's chain-of-thought sets with their own answers, not OpenOrca's GPT answers",
  },
  openorca_t0_standin: {
    subset: 'openorca_t0',
    standIn: true,
    note: "T0 (P3) rows with their own answers, not OpenOrca's GPT answers",
  },
  openorca_flan_standin: {
    subset: 'openorca_flan',
    standIn: true,
    note: "P3 rows of common_gen, cosmos_qa and paws in place of FLAN's, without OpenOrca's GPT answers",
  },
};

const MAPPINGS: ReadonlyMap<string, SourceMapping> = new Map([
  ...SUBSETS.flatMap(({ key, name }): [string, SourceMapping][] => [
    [key, { subset: key, standIn: false, note: `rows of ${name}` }],
    [`${key}_standin`, { subset: key, standIn: true, note: `rows in place of ${name}` }],
    [`${key}_miniature`, { subset: key, standIn: true, note: `generated rows in the form of ${name}` }],
  ]),
  ...Object.entries(NAMED),
]);

/** Every `source` value that `mapSource` knows. */
export const KNOWN_SOURCES: readonly string[] = [...MAPPINGS.keys()];

/**
 * The row of table A1 that a `source` value belongs to: a subset's key (its own rows, all or part),
 * `<key>_standin` (other rows in its place), `<key>_miniature` (generated rows), or one of the named exceptions.
 *
 * @throws when the value is not known, with the list of those that are
 */
export function mapSource(source: string): SourceMapping {
  const mapping = MAPPINGS.get(source);
  if (!mapping) {
    throw new Error(
      `sources: source ${JSON.stringify(source)} is not a subset of table A1; use one of ${KNOWN_SOURCES.join(', ')}`,
    );
  }
  return mapping;
}
