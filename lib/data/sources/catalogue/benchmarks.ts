import { answerOf, choicesOf, imageOf } from '../../forms/choices';
import { benchmark } from './count';
import { type BenchmarkSource, hub } from './entry';
import {
  HEADQA_COLUMNS,
  MEDMCQA_COLUMNS,
  MEDMCQA_REVISION,
  MEDQA_COLUMNS,
  MEDQA_REVISION,
  PUBMEDQA_BESIDE,
  PUBMEDQA_PLACES,
} from './medical';
import { MMLU_SUBJECTS, mmluFiles } from './mmlu';
import { asItem, listed } from './read';
import { PUBMEDQA_JSON } from './second-homes';

/** The columns of both copies of the USMLE questions: letters without a text are no choices. */
const USMLE_COLUMNS = ['question', 'options', 'answer_idx'];
const usmleItem: BenchmarkSource['read'] = (row) => {
  const choices = choicesOf(row, 'options');
  return [{ question: row.text('question'), choices, answer: answerOf(row, 'answer_idx', choices), ...imageOf(row) }];
};

/** The benchmarks of table A2, in its order. */
export const BENCHMARK_SOURCES: readonly BenchmarkSource[] = [
  benchmark('mmlu_test', 'mmlu', {
    task: 'mmlu',
    published: 1_089,
    places: [hub('cais/mmlu', mmluFiles(MMLU_SUBJECTS, ['test']), ['question', 'subject', 'choices', 'answer'])],
    choices: 4,
    licence: 'mit',
    read: asItem(),
    differs: [],
    unsure: ['the names of the files'],
  }),
  benchmark('medmcqa_validation', 'medmcqa', {
    task: 'medmcqa',
    published: 4_183,
    places: [
      hub('openlifescienceai/medmcqa', ['data/validation-00000-of-00001.parquet'], MEDMCQA_COLUMNS, {
        revision: MEDMCQA_REVISION,
      }),
    ],
    licence: 'apache-2.0 (the Hub); MIT (the authors)',
    read: asItem('id'),
    differs: [],
  }),
  benchmark('medqa_test', 'medqa_4options', {
    task: 'medqa',
    published: 1_273,
    places: [
      hub('GBaker/MedQA-USMLE-4-options', ['phrases_no_exclude_test.jsonl'], MEDQA_COLUMNS, {
        revision: MEDQA_REVISION,
      }),
    ],
    choices: 4,
    licence: 'cc-by-4.0 (the Hub); MIT (the authors)',
    read: asItem(),
    differs: [],
  }),
  benchmark('headqa_test', 'headqa_en', {
    task: 'headqa',
    published: 2_742,
    places: [hub('openlifescienceai/headqa', ['test.json'], HEADQA_COLUMNS)],
    licence: "mit; the Spanish ministry's terms (cite the source, 14 January 2019, do not distort)",
    read: asItem(),
    differs: ['67 of the 2,742 questions have an image, which the paper says are excluded'],
    unsure: ['the columns, and that the rows are the English ones'],
  }),
  benchmark('pubmedqa_test', 'pubmedqa', {
    task: 'pubmedqa',
    published: 500,
    places: PUBMEDQA_PLACES,
    elsewhere: PUBMEDQA_JSON,
    beside: PUBMEDQA_BESIDE,
    licence: 'mit',
    read: listed(true, 'pubid', asItem('pubid'), 'not of the test set'),
    differs: [],
  }),
  benchmark('usmle_self_assessment', 'usmle_self_assessment', {
    task: 'usmle_self_assessment',
    published: 325,
    places: [hub('HuggingSara/usmle_self_assessment', ['data/train-*.parquet'], USMLE_COLUMNS)],
    licence: 'none stated',
    read: usmleItem,
    differs: ['the same questions go by the names of self-assessment and sample exam'],
  }),
  benchmark('usmle_sample_exam', 'usmle_sample_exam', {
    task: 'usmle_sample_exam',
    published: null,
    places: [],
    licence: 'none stated',
    read: usmleItem,
    differs: [],
    unavailable: {
      why: 'no second set of 325 questions beside usmle_self_assessment is published under this name',
      standIn: 'usmle_steps has the questions as another owner publishes them, very probably the same ones',
    },
  }),
  benchmark('usmle_steps', 'usmle_self_assessment', {
    task: 'usmle_self_assessment',
    published: null,
    places: [
      hub('augtoma/usmle_step_1', ['data/test-00000-of-00001-925181c3809421b2.parquet'], USMLE_COLUMNS),
      hub('augtoma/usmle_step_2', ['data/test-*.parquet'], USMLE_COLUMNS),
      hub('augtoma/usmle_step_3', ['data/test-00000-of-00001-6716967cc72f3d6f.parquet'], USMLE_COLUMNS),
    ],
    licence: 'none stated',
    read: usmleItem,
    differs: ['another copy of usmle_self_assessment'],
    unsure: ['the file of step 2'],
    alternativeTo: 'usmle_self_assessment',
  }),
];
