/** One row of table A1. */
export interface Subset {
  readonly key: SubsetKey;
  /** As the paper prints it. */
  readonly name: string;
  readonly domain: 'medical' | 'general';
  /** '# Samples'. */
  readonly samples: number;
  /** 'Mixture ratio (%)' as printed, rounded to two decimals. */
  readonly percent: number;
}

/** What a row's `source` value stands for. */
export interface SourceMapping {
  readonly subset: SubsetKey;
  /** True when the rows are real rows of a neighbouring set, or generated, in place of the subset's own. */
  readonly standIn: boolean;
  readonly note: string;
}

/**
 * The seventeen training sources.
 * Source: paper, table A1. The MMLU ratio is printed 0.03 where 244 / 706,713 is 0.0345.
 */
export const SUBSETS = [
  { key: 'medmcqa', name: 'MedMCQA', domain: 'medical', samples: 180_462, percent: 25.54 },
  { key: 'flashcards', name: 'Medical Flashcards', domain: 'medical', samples: 30_106, percent: 4.26 },
  { key: 'stackexchange', name: 'StackExchange', domain: 'medical', samples: 64_246, percent: 9.09 },
  { key: 'medqa', name: 'MedQA (USMLE)', domain: 'medical', samples: 11_290, percent: 1.6 },
  { key: 'cord19', name: 'CORD-19', domain: 'medical', samples: 17_721, percent: 2.51 },
  { key: 'pubmedqa', name: 'PubMedQA', domain: 'medical', samples: 499, percent: 0.07 },
  { key: 'headqa', name: 'HeadQA', domain: 'medical', samples: 2_657, percent: 0.38 },
  { key: 'mediqa', name: 'MediQA', domain: 'medical', samples: 1_950, percent: 0.28 },
  { key: 'health_advice', name: 'PubMed Health Advice', domain: 'medical', samples: 7_694, percent: 1.09 },
  { key: 'pubmed_causal', name: 'PubMed Causal', domain: 'medical', samples: 2_169, percent: 0.31 },
  { key: 'opengpt', name: 'OpenGPT', domain: 'medical', samples: 66_026, percent: 9.34 },
  { key: 'medquad', name: 'MedQUAD', domain: 'medical', samples: 14_553, percent: 2.06 },
  { key: 'mmlu', name: 'MMLU', domain: 'medical', samples: 244, percent: 0.03 },
  { key: 'niv2', name: 'Niv2', domain: 'medical', samples: 11_447, percent: 1.62 },
  { key: 'openorca_t0', name: 'OpenOrca T0', domain: 'general', samples: 110_905, percent: 15.69 },
  { key: 'openorca_flan', name: 'OpenOrca Flan', domain: 'general', samples: 110_854, percent: 15.69 },
  { key: 'openorca_cot', name: 'OpenOrca CoT', domain: 'general', samples: 73_890, percent: 10.46 },
] as const satisfies readonly (Omit<Subset, 'key'> & { readonly key: string })[];

export type SubsetKey = (typeof SUBSETS)[number]['key'];

/** Table A1's totals. Source: paper, table A1. Its text says 40% general. */
export const TOTALS = {
  medical: { samples: 411_064, percent: 58.17 },
  general: { samples: 295_649, percent: 41.83 },
  all: { samples: 706_713, percent: 100 },
} as const;

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

/** Table A1's row of that key. */
export function subsetOf(key: SubsetKey): Subset {
  return SUBSETS.find((subset) => subset.key === key)!;
}

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
