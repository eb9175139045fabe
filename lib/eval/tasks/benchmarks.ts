import { HEADQA } from './headqa';
import { MEDMCQA } from './medmcqa';
import { MEDQA } from './medqa';
import { MMLU } from './mmlu';
import { PUBMEDQA } from './pubmedqa';
import { USMLE } from './usmle';

/**
 * Every benchmark, in the order that results, tables and figures show them. Each is one file beside this one; to add one,
 * write its file and name it here, after the paper's.
 */
export const BENCHMARKS = [...MMLU, HEADQA, MEDMCQA, MEDQA, PUBMEDQA, ...USMLE];
