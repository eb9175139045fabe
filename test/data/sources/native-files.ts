import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import type { StubFile, StubRepo } from './stub-hub';

/** Small files of made-up rows, in the form and with the columns in which each source is published. */

type Row = Readonly<Record<string, unknown>>;

/** Rows as a Parquet file, written by DuckDB. */
export async function parquet(rows: readonly Row[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'med42-parquet-'));
  try {
    writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const from = `read_json_auto('${join(folder, 'rows.jsonl')}', format = 'newline_delimited')`;
    await connection.run(`COPY (SELECT * FROM ${from}) TO '${join(folder, 'rows.parquet')}' (FORMAT parquet)`);
    connection.closeSync();
    return readFileSync(join(folder, 'rows.parquet'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const jsonl = (rows: readonly Row[]) => Buffer.from(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
const array = (rows: readonly Row[]) => Buffer.from(JSON.stringify(rows, null, 1));

const COMMIT = 'e'.repeat(40);
const dataset = (files: Readonly<Record<string, Buffer>>, commit = COMMIT, licence?: string): StubRepo => ({
  type: 'dataset',
  commit,
  ...(licence ? { licence } : {}),
  files: Object.fromEntries(
    Object.entries(files).map(([path, content]): [string, StubFile] => [
      path,
      { content, stored: path.endsWith('.parquet') ? 'xet' : content.length > 400 ? 'lfs' : 'git' },
    ]),
  ),
});

const medmcqa = (n: number, cop: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => ({
    id: `mc-${i}`,
    question: `Which stone is number ${i}?`,
    opa: 'flint',
    opb: 'chalk',
    opc: 'slate',
    opd: 'marl',
    cop: cop(i),
    choice_type: 'single',
    exp: null,
    subject_name: 'Stones',
    topic_name: null,
  }));

const meadow = (instruction: string, n: number) =>
  Array.from({ length: n }, (_, i) => ({ instruction, input: `Text ${i}?`, output: `Answer ${i}` }));

const letters = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    question: `A person of ${20 + i} years asks for stones. What now?`,
    answer: 'Slate',
    options: { A: 'Flint', B: 'Chalk', C: 'Slate', D: 'Marl' },
    meta_info: 'step1',
    answer_idx: 'C',
    metamap_phrases: ['person'],
  }));

const usmle = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    question: `Stone ${i}, which?`,
    options: { A: 'Flint', B: 'Chalk', C: 'Slate', D: null, E: null },
    answer: 'Chalk',
    answer_idx: 'B',
  }));

const headqa = (n: number) =>
  Array.from({ length: n }, (_, i) => ({
    name: 'Notebook_1_B',
    year: '2031',
    category: 'biology',
    qid: String(i + 1),
    qtext: `Question ${i}:`,
    ra: (i % 4) + 1,
    image: '',
    answers: ['moss', 'fern', 'reed', 'rush'].map((atext, a) => ({ aid: a + 1, atext })),
  }));

const mmlu = (subject: string, n: number) =>
  Array.from({ length: n }, (_, i) => ({
    question: `${subject} ${i}?`,
    subject,
    choices: ['one', 'two', 'three', 'four'],
    answer: i % 4,
  }));

const THIRTEEN =
  'anatomy clinical_knowledge college_medicine medical_genetics professional_medicine college_biology high_school_biology professional_psychology high_school_psychology human_sexuality human_aging nutrition virology';

async function mmluFiles(): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const subject of THIRTEEN.split(' ')) {
    for (const [split, n] of [
      ['dev', 5],
      ['validation', 3],
      ['test', 4],
    ] as const) {
      files[`${subject}/${split}-00000-of-00001.parquet`] = await parquet(mmlu(subject, n));
    }
  }
  return files;
}

const stackExchange = [
  {
    qid: 1,
    question: '<p>Why is moss green?</p>',
    answers: [
      { answer_id: 1, author: 'a', pm_score: 7, selected: false, text: '<p>Many votes.</p>' },
      { answer_id: 2, author: 'b', pm_score: 1, selected: true, text: '<p>Accepted.</p>' },
    ],
    date: '2031/01/01',
    metadata: ['x'],
  },
  {
    qid: 2,
    question: '<p>And fern?</p>',
    answers: [
      { answer_id: 3, author: 'a', pm_score: 2, selected: false, text: '<p>Few.</p>' },
      { answer_id: 4, author: 'b', pm_score: 5, selected: false, text: '<p>Most votes.</p>' },
    ],
    date: '2031/01/02',
    metadata: ['x'],
  },
  {
    qid: 3,
    question: '<p>And rush?</p>',
    answers: [{ answer_id: 5, author: 'a', pm_score: 0, selected: false, text: ' ' }],
    date: '2031/01/03',
    metadata: ['x'],
  },
];

const orca = (prefix: string, n: number) =>
  Array.from({ length: n }, (_, i) => ({
    id: `${prefix}.${1000 + i}`,
    system_prompt: i % 2 === 0 ? '' : 'Think first.',
    question: `${prefix} ${i}?`,
    response: i === 3 ? '' : `because ${i}`,
  }));

/** Every repository of the catalogue on the Hub. */
export async function nativeRepos(): Promise<Record<string, StubRepo>> {
  const pubmedqa = Array.from({ length: 6 }, (_, i) => ({
    pubid: 100 + i,
    question: `Does moss ${i} grow?`,
    context: {
      contexts: ['Moss was seen.', 'It grew.'],
      labels: ['A', 'B'],
      meshes: ['Moss'],
      reasoning_required_pred: ['y'],
      reasoning_free_pred: ['y'],
    },
    long_answer: 'It does.',
    final_decision: ['yes', 'no', 'maybe'][i % 3],
  }));
  const site = async (rows: readonly Row[]) => parquet(rows);
  const sites: Record<string, Buffer> = {};
  for (const name of ['academia', 'bioinformatics', 'biology', 'cogsci', 'fitness', 'health']) {
    sites[`data/${name}.stackexchange.com/train-00000-of-00001.parquet`] = await site(stackExchange);
  }
  sites['data/bricks.stackexchange.com/train-00000-of-00001.parquet'] = await site(stackExchange);
  const steps = await parquet(usmle(2));
  return {
    'openlifescienceai/medmcqa': dataset(
      {
        'data/train-00000-of-00001.parquet': await parquet(medmcqa(8, (i) => (i === 5 ? 7 : i % 4))),
        'data/validation-00000-of-00001.parquet': await parquet(medmcqa(5, (i) => i % 4)),
        'data/test-00000-of-00001.parquet': await parquet(medmcqa(3, () => -1)),
      },
      '91c6572c454088bf71b679ad90aa8dffcd0d5868',
      'apache-2.0',
    ),
    'medalpaca/medical_meadow_medical_flashcards': dataset(
      {
        'medical_meadow_wikidoc_medical_flashcards.json': array([
          ...meadow('Answer this question truthfully', 9),
          { instruction: 'Answer this question truthfully', input: 'Empty?', output: '' },
        ]),
      },
      COMMIT,
      'cc',
    ),
    'HuggingFaceH4/stack-exchange-preferences': dataset(sites, COMMIT, 'cc-by-sa-4.0'),
    'GBaker/MedQA-USMLE-4-options': dataset(
      { 'phrases_no_exclude_train.jsonl': jsonl(letters(7)), 'phrases_no_exclude_test.jsonl': jsonl(letters(4)) },
      '0fb93dd23a7339b6dcd27e241cb9b5eca62d4d18',
    ),
    'GBaker/MedQA-USMLE-4-options-hf': dataset({
      'dev.json': jsonl([
        {
          id: 'dev-1',
          sent1: 'A stone?',
          sent2: '',
          ending0: 'Flint',
          ending1: 'Chalk',
          ending2: 'Slate',
          ending3: 'Marl',
          label: 3,
        },
      ]),
    }),
    'medalpaca/medical_meadow_cord19': dataset(
      { 'medical_meadow_cord19.json': array(meadow('Please summerize the given abstract to a title', 12)) },
      'f48ea381cb3ae21178d8a573bb1a8995d4ab6b11',
    ),
    'qiaojin/PubMedQA': dataset({ 'pqa_labeled/train-00000-of-00001.parquet': await parquet(pubmedqa) }, COMMIT, 'mit'),
    'openlifescienceai/headqa': dataset({
      'train.json': array(headqa(6)),
      'validation.json': array(headqa(2)),
      'test.json': array(headqa(5)),
    }),
    'medalpaca/medical_meadow_mediqa': dataset({
      'medical_meadow_mediqa.json': array(meadow('Answer the question', 4)),
    }),
    'medalpaca/medical_meadow_health_advice': dataset({
      'medical_meadow_health_advice.json': array(meadow('What kind of advice?', 5)),
    }),
    'medalpaca/medical_meadow_pubmed_causal': dataset(
      { 'medical_meadow_pubmed_causal.json': array(meadow('Is there a cause?', 6)) },
      '8a80e781d33544d22b95d26a8d68cafbe8a6470e',
    ),
    'lavita/MedQuAD': dataset({
      'data/train-00000-of-00001-e36383d177026d53.parquet': await parquet(
        Array.from({ length: 5 }, (_, i) => ({
          document_id: '001',
          document_source: 'Moss',
          question_id: `001-${i}`,
          question_focus: 'moss',
          question: `What is moss ${i}?`,
          answer: i < 3 ? `A plant, ${i}.` : null,
        })),
      ),
    }),
    'cais/mmlu': dataset(await mmluFiles(), COMMIT, 'mit'),
    'Muennighoff/natural-instructions': dataset(
      {
        'train/task1161_coda19_title_generation_train.jsonl': jsonl(
          Array.from({ length: 3 }, (_, i) => ({
            task_name: 'task1161_coda19_title_generation',
            id: `task1161-${i}`,
            definition: 'Write a title.',
            inputs: `Abstract ${i}`,
            targets: `Title ${i}`,
          })),
        ),
        'train/task001_other_train.jsonl': jsonl([
          { task_name: 'task001', id: 'x', definition: 'd', inputs: 'i', targets: 't' },
        ]),
      },
      'a29a9757125f4bb1c26445ad0d2ef7d9b2cc9c4c',
    ),
    'Open-Orca/OpenOrca': dataset(
      {
        '1M-GPT4-Augmented.parquet': await parquet([...orca('t0', 5), ...orca('niv', 3), ...orca('cot', 4)]),
        '3_5M-GPT3_5-Augmented.parquet': await parquet([...orca('flan', 6), ...orca('cot', 2)]),
      },
      COMMIT,
      'mit',
    ),
    'HuggingSara/usmle_self_assessment': dataset({ 'data/train-00000-of-00001.parquet': await parquet(usmle(3)) }),
    'augtoma/usmle_step_1': dataset({ 'data/test-00000-of-00001-925181c3809421b2.parquet': steps }),
    'augtoma/usmle_step_2': dataset({ 'data/test-00000-of-00001-0123456789abcdef.parquet': steps }),
    'augtoma/usmle_step_3': dataset({ 'data/test-00000-of-00001-6716967cc72f3d6f.parquet': steps }),
  };
}

const OPENGPT = '/CogStack/OpenGPT/5977b76acf790d2b806f67f7a215c0d063ebf6f3/data';
const turn = (who: string, text: string) => `<|${who}|> ${text} <|eos|>`;
const csv = (texts: readonly string[]) =>
  Buffer.from(`text,raw_data_id\n${texts.map((text, i) => `"${text.replaceAll('"', '""')}",${i}`).join('\n')}\n`);
const conversation = [
  turn('user', 'What is\nmoss, "really"?'),
  turn('ai', 'A plant.'),
  turn('user', 'And fern?'),
  turn('ai', 'One too.'),
];

/** MedQuAD's archive, where GitHub has it. */
export const MEDQUAD = '/abachaa/MedQuAD/tar.gz/577bd37b96c02d1833b2c9eed2de9f96964e96cb';

/** A .tar.gz as GitHub makes it: a pax header for all, a folder around all. */
export function medQuadArchive(files: Readonly<Record<string, string>>): Buffer {
  const member = (name: string, type: string, content: Buffer) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 8 * 32);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
  };
  const parts = [
    member('pax_global_header', 'g', Buffer.from('52 comment=577bd37b96c02d1833b2c9eed2de9f96964e96cb\n')),
    member('MedQuAD-577bd37/', '5', Buffer.alloc(0)),
    ...Object.entries(files).map(([name, text]) => member(`MedQuAD-577bd37/${name}`, '0', Buffer.from(text))),
  ];
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]));
}

const pair = (pid: number, question: string, answer: string) =>
  `<QAPair pid="${pid}"><Question qid="1-${pid}" qtype="information">${question}</Question><Answer>${answer}</Answer></QAPair>`;
const xml = (...pairs: readonly string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Document id="1" source="Moss"><Focus>Moss</Focus><QAPairs>${pairs.join('\n')}</QAPairs></Document>`;

/** Where Natural Instructions' tasks are on GitHub. */
const NATURAL = '/allenai/natural-instructions/e0fd31052b21acea5bd95fb00253e1ee1f5d8259/tasks';
const naturalTask = (definition: unknown, instances: readonly Row[]) =>
  Buffer.from(
    JSON.stringify({
      Contributors: ['Moss'],
      Definition: definition,
      'Positive Examples': [{ input: 'a', output: 'b', explanation: 'c' }],
      Instances: instances,
    }),
  );
const article = (i: number) => ({
  QUESTION: `Does moss ${i} grow?`,
  CONTEXTS: ['Moss was seen.', 'It grew.'],
  LABELS: ['A', 'B'],
  MESHES: ['Moss'],
  YEAR: '2031',
  final_decision: ['yes', 'no', 'maybe'][i % 3],
  LONG_ANSWER: 'It does.',
});

/** Every file of the catalogue on GitHub, by its path on the host of raw files. */
export const NATIVE_PLAIN: Readonly<Record<string, Buffer>> = {
  [`${OPENGPT}/nhs_uk_full/prepared_generated_data_for_nhs_uk_qa.csv`]: csv([
    `${turn('user', 'A?')} ${turn('ai', 'B.')} <|eod|>`,
    'no turns at all',
  ]),
  [`${OPENGPT}/nhs_uk_full/prepared_generated_data_for_nhs_uk_conversations.csv`]: csv([
    `${conversation.join(' ')} <|eod|>`,
  ]),
  [`${OPENGPT}/medical_tasks_gpt4/prepared_generated_data_for_medical_tasks.csv`]: csv([
    `${turn('user', 'Task')} ${turn('ai', 'Done')} <|eod|>`,
  ]),
  [MEDQUAD]: medQuadArchive({
    'readme.txt': 'About moss.',
    '1_Moss_QA/0000001.xml': xml(
      pair(1, 'What is moss &amp; fern?', ' A plant.\n'),
      pair(2, 'Why?', 'For <![CDATA[<green>]]> reasons.'),
    ),
    '2_Fern_QA/0000002.xml': xml(pair(1, 'And?', ''), pair(2, 'So?', 'Yes.')),
  }),
  '/pubmedqa/pubmedqa/1cbae8e92f72f20c8d3747cbb3bf5bc53554d997/data/test_ground_truth.json': Buffer.from(
    JSON.stringify({ 100: 'yes', 103: 'yes' }),
  ),
  '/pubmedqa/pubmedqa/1cbae8e92f72f20c8d3747cbb3bf5bc53554d997/data/ori_pqal.json': Buffer.from(
    JSON.stringify(Object.fromEntries(Array.from({ length: 6 }, (_, i) => [100 + i, article(i)]))),
  ),
  [`${NATURAL}/task1161_coda19_title_generation.json`]: naturalTask(
    ['Write a title.'],
    [
      { id: 'task1161-a', input: 'Abstract 0', output: ['Title 0', 'Another'] },
      { id: 'task1161-b', input: 'Abstract 1', output: ['Title 1'] },
    ],
  ),
  [`${NATURAL}/task1431_head_qa_answer_generation.json`]: naturalTask('Choose.', [{ input: 'Q', output: ['2'] }]),
};
