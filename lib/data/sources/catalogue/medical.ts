import { training } from './count';
import { github, hub, type TrainingSource } from './entry';
import { MMLU_TRAINING_SUBJECTS, mmluFiles } from './mmlu';
import { NIV2_TASKS } from './niv2';
import { answered, asForm, asFormWithId, bestAnswer, listed, openGptTurns, pubMedQa } from './read';
import { MEDQUAD_XML, NIV2_TASK_FILES, PUBMEDQA_JSON, PUBMEDQA_TEST_IDS } from './second-homes';

/** The fourteen medical rows of table A1, in its order. */

/** MedAlpaca's sets: one JSON array of instruction, input and output. */
const meadow = (name: string, file: string, revision?: string) =>
  hub(`medalpaca/${name}`, [file], ['instruction', 'input', 'output'], revision === undefined ? {} : { revision });

/** Of their rows, 88.7 percent are in the paper's table: a held-out part was probably taken off first. */
const SHARE = 'the paper counts some 88.7 % of the published rows; which ones is not stated';

export const PUBMEDQA_PLACES = [
  hub(
    'qiaojin/PubMedQA',
    ['pqa_labeled/train-00000-of-00001.parquet'],
    ['pubid', 'question', 'context', 'long_answer', 'final_decision'],
  ),
  PUBMEDQA_TEST_IDS,
] as const;
/** The ids are the keys of an object. */
export const PUBMEDQA_BESIDE = {
  file: 'data/test_ground_truth.json',
  load: (content: unknown): ReadonlySet<string> => new Set(Object.keys(content as object)),
};

export const MEDMCQA_COLUMNS = ['id', 'question', 'opa', 'opb', 'opc', 'opd', 'cop'];
export const MEDMCQA_REVISION = '91c6572c454088bf71b679ad90aa8dffcd0d5868';
export const MEDQA_COLUMNS = ['question', 'answer', 'options', 'meta_info', 'answer_idx'];
export const MEDQA_REVISION = '0fb93dd23a7339b6dcd27e241cb9b5eca62d4d18';
export const HEADQA_COLUMNS = ['name', 'year', 'category', 'qid', 'qtext', 'ra', 'answers'];

export const MEDICAL_SOURCES: readonly TrainingSource[] = [
  training('medmcqa', {
    published: 182_822,
    places: [
      hub('openlifescienceai/medmcqa', ['data/train-00000-of-00001.parquet'], MEDMCQA_COLUMNS, {
        revision: MEDMCQA_REVISION,
      }),
    ],
    bytes: 85_900_000,
    licence: 'apache-2.0 (the Hub); MIT (the authors)',
    read: asFormWithId(),
    differs: ['the paper counts 98.7 % of the published training rows; which ones is not stated'],
  }),
  training('flashcards', {
    published: 33_955,
    places: [meadow('medical_meadow_medical_flashcards', 'medical_meadow_wikidoc_medical_flashcards.json')],
    licence: 'cc (the Hub)',
    read: asForm,
    differs: [SHARE],
  }),
  training('stackexchange', {
    published: null,
    places: [
      hub(
        'HuggingFaceH4/stack-exchange-preferences',
        ['academia', 'bioinformatics', 'biology', 'cogsci', 'fitness', 'health'].map(
          (site) => `data/${site}.stackexchange.com/*.parquet`,
        ),
        ['qid', 'question', 'answers'],
      ),
    ],
    licence: 'cc-by-sa-4.0 (the Hub)',
    read: bestAnswer,
    differs: [
      'question and answer are HTML until the mixing makes them text',
      'of several answers the accepted one is taken, else the one with the most votes; what the paper took is not stated',
    ],
    unsure: ['the six sites lie there under these names (Stack Exchange later renamed cogsci and health)'],
  }),
  training('medqa', {
    published: 11_450,
    places: [
      hub('GBaker/MedQA-USMLE-4-options', ['phrases_no_exclude_train.jsonl'], MEDQA_COLUMNS, {
        revision: MEDQA_REVISION,
      }),
      hub('GBaker/MedQA-USMLE-4-options-hf', ['dev.json'], ['sent1', 'ending0', 'ending3', 'label']),
    ],
    bytes: 16_200_000,
    choices: 4,
    licence: 'cc-by-4.0 and cc-by-sa-4.0 (the Hub); MIT (the authors)',
    read: asForm,
    differs: [
      'the paper counts more rows than the training split has (10,178): the development split (1,272) is taken with it',
    ],
  }),
  training('cord19', {
    published: 821_007,
    places: [meadow('medical_meadow_cord19', 'medical_meadow_cord19.json', 'f48ea381cb3ae21178d8a573bb1a8995d4ab6b11')],
    bytes: 1_380_000_000,
    licence: 'none stated',
    read: asForm,
    differs: ['the paper samples 17,721 of 821,007 rows; which ones is not stated'],
  }),
  training('pubmedqa', {
    published: 500,
    places: PUBMEDQA_PLACES,
    elsewhere: PUBMEDQA_JSON,
    beside: PUBMEDQA_BESIDE,
    licence: 'mit',
    read: listed(false, 'pubid', pubMedQa, 'of the test set'),
    differs: ['the labelled rows that are not of the test set are 500, the paper counts 499'],
  }),
  training('headqa', {
    published: 2_657,
    places: [hub('openlifescienceai/headqa', ['train.json'], HEADQA_COLUMNS)],
    licence: "mit; the Spanish ministry's terms (cite the source, 14 January 2019, do not distort)",
    read: asForm,
    differs: [],
    unsure: ['the columns, and that the rows are the English ones'],
  }),
  training('mediqa', {
    published: 2_208,
    places: [meadow('medical_meadow_mediqa', 'medical_meadow_mediqa.json')],
    bytes: 15_800_000,
    licence: 'none stated',
    read: asForm,
    differs: [SHARE],
    unsure: ['the columns'],
  }),
  training('health_advice', {
    published: 8_676,
    places: [meadow('medical_meadow_health_advice', 'medical_meadow_health_advice.json')],
    bytes: 2_510_000,
    licence: 'none stated',
    read: asForm,
    differs: [SHARE],
  }),
  training('pubmed_causal', {
    published: 2_446,
    places: [
      meadow(
        'medical_meadow_pubmed_causal',
        'medical_meadow_pubmed_causal.json',
        '8a80e781d33544d22b95d26a8d68cafbe8a6470e',
      ),
    ],
    bytes: 936_000,
    licence: 'none stated',
    read: asForm,
    differs: [SHARE],
  }),
  training('opengpt', {
    published: 31_707,
    places: [
      github(
        'CogStack/OpenGPT',
        '5977b76acf790d2b806f67f7a215c0d063ebf6f3',
        [
          'data/nhs_uk_full/prepared_generated_data_for_nhs_uk_qa.csv',
          'data/nhs_uk_full/prepared_generated_data_for_nhs_uk_conversations.csv',
          'data/medical_tasks_gpt4/prepared_generated_data_for_medical_tasks.csv',
        ],
        ['text', 'raw_data_id'],
      ),
    ],
    licence: 'apache-2.0; generated by GPT from NHS pages',
    read: openGptTurns,
    differs: [
      'the three published files have 31,707 rows, the paper counts 66,026; here each question and its answer is a row ' +
        'of its own, so that a conversation gives several',
    ],
  }),
  training('medquad', {
    published: 16_407,
    places: [
      hub(
        'lavita/MedQuAD',
        ['data/train-00000-of-00001-e36383d177026d53.parquet'],
        ['document_id', 'question_id', 'question', 'answer'],
      ),
    ],
    elsewhere: MEDQUAD_XML,
    licence: 'CC BY 4.0 (the authors); none stated on the Hub',
    read: answered('question', 'answer', 'question_id'),
    differs: ['of 47,441 published pairs 16,407 have an answer; the paper counts 88.7 % of those'],
  }),
  training('mmlu', {
    published: 440,
    places: [
      hub('cais/mmlu', mmluFiles(MMLU_TRAINING_SUBJECTS, ['dev', 'validation']), ['question', 'choices', 'answer']),
    ],
    choices: 4,
    licence: 'mit',
    read: asForm,
    differs: [
      'the paper counts 244 rows of the thirteen subjects, which no split has: development (65) and validation (375) are ' +
        'taken, never test',
    ],
    unsure: ['the names of the files'],
  }),
  training('niv2', {
    published: null,
    places: [
      hub('Muennighoff/natural-instructions', [], ['definition', 'inputs', 'targets'], {
        revision: 'a29a9757125f4bb1c26445ad0d2ef7d9b2cc9c4c',
        optional: NIV2_TASKS.map((task) => `train/${task}_train.jsonl`),
      }),
    ],
    elsewhere: NIV2_TASK_FILES,
    licence: 'apache-2.0 (the authors); the instances keep their own data set’s',
    read: asFormWithId(),
    differs: [
      'the paper takes 47 tasks of science, healthcare and medicine without naming them: the 54 medical ones are looked for',
      'some tasks are made of MMLU, HeadQA and PubMedQA items, and bring benchmark items into training',
      'the Hub’s copy has 757 of the training tasks; those it lacks are left out and counted',
    ],
  }),
  training(
    'medquad',
    {
      published: 16_407,
      ...MEDQUAD_XML,
      licence: 'CC BY 4.0',
      read: answered('question', 'answer', 'question_id'),
      alternativeTo: 'medquad',
    },
    'medquad_xml',
  ),
];
