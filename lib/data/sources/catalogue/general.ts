import { training } from './count';
import { hub, type TrainingSource } from './entry';
import { withPrefix } from './read';

/** The three general rows of table A1: parts of OpenOrca, which is read once for all of them. */

const OPEN_ORCA = [
  hub(
    'Open-Orca/OpenOrca',
    ['1M-GPT4-Augmented.parquet', '3_5M-GPT3_5-Augmented.parquet'],
    ['id', 'system_prompt', 'question', 'response'],
  ),
] as const;

const part = (subset: 'openorca_t0' | 'openorca_flan' | 'openorca_cot', prefix: string, unsure: readonly string[]) =>
  training(subset, {
    published: null,
    places: OPEN_ORCA,
    bytes: 4_100_000_000,
    licence: 'mit',
    read: withPrefix(prefix),
    differs: ['the paper samples the sub-mix; which rows, and of which of the two files, is not stated'],
    unsure,
  });

export const GENERAL_SOURCES: readonly TrainingSource[] = [
  part('openorca_t0', 't0.', ['the ids of this sub-mix begin with "t0."']),
  part('openorca_flan', 'flan.', ['the ids of this sub-mix begin with "flan."']),
  part('openorca_cot', 'cot.', []),
];
