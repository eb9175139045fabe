import { PAPER_BENCHMARKS, type PaperBenchmark } from '../benchmarks';
import { SUBSETS, TOTALS } from '../table-a1';
import { TABLE_1, TABLE_A2, TABLE_A3, type Table1Row, type TableA2Row, type TableA3Row } from '../tables';

/** Table A1: what the training data is made of. */
export interface TableA1 {
  readonly rows: readonly {
    readonly name: string;
    readonly domain: 'medical' | 'general';
    readonly samples: number;
    readonly percent: number;
  }[];
  readonly totals: Readonly<Record<'medical' | 'general', { readonly samples: number; readonly percent: number }>>;
}

/** What the text says of the tables, in percent. */
export interface TextClaims {
  /** 'the general domain data constituted 40% of the final training dataset' */
  readonly generalPercent: number;
  /** 'less than 2% of the samples in our evaluation dataset' */
  readonly contaminatedBelowPercent: number;
  /** 'an accuracy level of 72% on the US Medical Licensing Examination (USMLE) datasets' */
  readonly usmlePercent: number;
}

/** Sizes that are known from the data sets themselves. */
export interface KnownSizes {
  /** Rows of the whole evaluation split. */
  readonly evaluation: Readonly<Partial<Record<PaperBenchmark, number>>>;
  /** HeadQA's English splits, items with images included. */
  readonly headqa: { readonly train: number; readonly test: number; readonly testWithImage: number };
  /** Test rows of the MMLU subjects that table A1's footnote names and table A2 does not. */
  readonly moreSubjects: Readonly<Record<string, number>>;
}

/** What the audit reads: the paper's, or any that are built alike. */
export interface PaperTables {
  readonly table1: readonly Table1Row[];
  readonly tableA1: TableA1;
  readonly tableA2: readonly TableA2Row[];
  readonly tableA3: readonly TableA3Row[];
  readonly claims: TextClaims | null;
  readonly known: KnownSizes | null;
}

/** The two columns of the paper's own models. */
export const OWN_COLUMNS = [
  { key: 'peFt', change: 'peFtChange', label: 'PE-FT' },
  { key: 'fpFt', change: 'fpFtChange', label: 'FP-FT' },
] as const;

export type OwnColumn = (typeof OWN_COLUMNS)[number];

/**
 * Source: rows of the published splits: GBaker/MedQA-USMLE-4-options, openlifescienceai/medmcqa (validation), qiaojin/PubMedQA's
 * 500 test items, dvilares/head_qa (en), cais/mmlu (test); the two USMLE sets have no public count to hold against.
 */
const KNOWN: KnownSizes = {
  evaluation: {
    mmlu_clinical_knowledge: 265,
    mmlu_college_biology: 144,
    mmlu_college_medicine: 173,
    mmlu_medical_genetics: 100,
    mmlu_professional_medicine: 272,
    mmlu_anatomy: 135,
    headqa_en: 2742,
    medmcqa: 4183,
    medqa_4options: 1273,
    pubmedqa: 500,
  },
  headqa: { train: 2657, test: 2742, testWithImage: 67 },
  moreSubjects: {
    'high-school biology': 310,
    'professional psychology': 612,
    'high-school psychology': 545,
    'human sexuality': 131,
    'human aging': 223,
    nutrition: 306,
    virology: 166,
  },
};

export const PAPER_TABLES: PaperTables = {
  table1: TABLE_1,
  tableA1: { rows: SUBSETS, totals: TOTALS },
  tableA2: TABLE_A2,
  tableA3: TABLE_A3,
  claims: { generalPercent: 40, contaminatedBelowPercent: 2, usmlePercent: 72 },
  known: KNOWN,
};

/** Items and removed items of each task, as table A2 has them. @throws when a task's row is missing */
export function sizeOf(tables: PaperTables, task: string): { n: number; removed: number } {
  const row = tables.tableA2.find(({ key }) => key === task);
  if (!row) throw new Error(`audit: table A2 has no row ${task}, whose size the other tables rest on`);
  return { n: row.samples, removed: row.contaminated };
}

export function isTask(key: string): key is PaperBenchmark {
  return (PAPER_BENCHMARKS as readonly string[]).includes(key);
}

/** Rows that an average or a total is of. */
export function membersOf<T extends { readonly key: string }>(rows: readonly T[], group: string): T[] {
  return rows.filter(({ key }) => isTask(key) && (group === 'total' || key.startsWith(`${group}_`)));
}
