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

/** Table A1's row of that key. */
export function subsetOf(key: SubsetKey): Subset {
  return SUBSETS.find((subset) => subset.key === key)!;
}
