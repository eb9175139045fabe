import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../lib/data/examples';
import { ALL_SOURCES, CATALOGUE, sourceNamed } from '../../../lib/data/sources/catalogue/catalogue';
import { type FetchResult, planFetch, runFetch } from '../../../lib/data/sources/fetch';
import { takeFolder } from '../../../lib/data/sources/from-folder';
import { createClient } from '../../../lib/data/sources/hub/http';
import type { Where } from '../../../lib/data/sources/locate';
import { readSources } from '../../../lib/data/sources/record';
import { SUBSETS } from '../../../lib/paper/table-a1';
import { MEDQUAD, medQuadArchive, NATIVE_PLAIN, nativeRepos } from './native-files';
import { type StubHub, type StubRepo, stubHub, TOKEN } from './stub-hub';

/** Every source of the catalogue, from small files in its native form to rows that `reproduce --data` reads. */

let repos: Record<string, StubRepo>;
let hub: StubHub;
let folder: string;
const said: string[] = [];
beforeAll(async () => {
  repos = await nativeRepos();
});
const start = async (change: Record<string, StubRepo> = {}) => {
  hub = await stubHub({ ...repos, ...change }, NATIVE_PLAIN);
};
beforeEach(async () => {
  said.length = 0;
  folder = await mkdtemp(join(tmpdir(), 'med42-fetch-'));
});
afterEach(async () => {
  await hub?.close();
  await rm(folder, { recursive: true });
});
afterAll(() => {
  repos = {};
});

const out = () => join(folder, 'out');
const where = (more: Partial<Where> = {}): Where => ({
  client: createClient({ endpoint: hub.endpoint, token: TOKEN, pause: 1, retries: 2, say: (line) => said.push(line) }),
  cache: join(folder, 'cache'),
  raw: join(folder, 'raw'),
  github: hub.endpoint,
  archives: hub.endpoint,
  offline: false,
  say: (line) => said.push(line),
  ...more,
});

async function fetchNamed(names: readonly string[], at = where()): Promise<FetchResult> {
  const plan = await planFetch(names.map(sourceNamed), at);
  return runFetch(plan, out(), { atOnce: 4, say: (line) => said.push(line) });
}
const all = () => ALL_SOURCES.map(({ name }) => name);
const rowsOf = (file: string) =>
  readFileSync(join(out(), file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Rows that each source gives from the made-up files: raw, written, left out, skipped. */
const COUNTS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  medmcqa: [8, 7, 0, 1],
  flashcards: [10, 9, 0, 1],
  stackexchange: [18, 12, 6, 0],
  medqa: [8, 8, 0, 0],
  cord19: [12, 12, 0, 0],
  pubmedqa: [6, 4, 2, 0],
  headqa: [6, 6, 0, 0],
  mediqa: [4, 4, 0, 0],
  health_advice: [5, 5, 0, 0],
  pubmed_causal: [6, 6, 0, 0],
  // One conversation has two questions.
  opengpt: [4, 4, 0, 1],
  medquad: [5, 3, 2, 0],
  mmlu: [104, 104, 0, 0],
  niv2: [3, 3, 0, 0],
  openorca_t0: [20, 4, 15, 1],
  openorca_flan: [20, 5, 14, 1],
  openorca_cot: [20, 5, 14, 1],
  mmlu_test: [24, 24, 0, 0],
  medmcqa_validation: [5, 5, 0, 0],
  medqa_test: [4, 4, 0, 0],
  headqa_test: [5, 5, 0, 0],
  pubmedqa_test: [6, 2, 4, 0],
  usmle_self_assessment: [3, 3, 0, 0],
};

describe('the catalogue', () => {
  test("has each row of table A1 once, with the paper's count, and each benchmark of table A2", () => {
    const training = CATALOGUE.flatMap((source) =>
      source.half === 'train' && !source.alternativeTo ? [[source.subset, source.samples]] : [],
    );
    expect(training).toEqual(SUBSETS.map(({ key, samples }) => [key, samples]));
    const items = CATALOGUE.filter(({ half, alternativeTo }) => half === 'eval' && !alternativeTo);
    // Table A2 prints 11,904, which is not its rows' sum.
    expect(items.reduce((sum, { samples }) => sum + samples, 0)).toBe(10_437);
    expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  });

  test('an unknown name is met with the nearest one', () => {
    expect(() => sourceNamed('medmqca')).toThrow('no source is called "medmqca", did you mean medmcqa?');
  });
});

describe('all sources', () => {
  test('are fetched, converted and counted, and read as rows and items', async () => {
    await start();
    const plan = await planFetch(ALL_SOURCES, where());
    expect(plan.bytes.here).toBe(0);
    const { fetched, refused } = await runFetch(plan, out(), { atOnce: 4 });
    expect(refused).toEqual([]);
    const counts = fetched.map(({ name, raw, rows, leftOut, skipped }) => [
      name,
      [
        raw,
        rows,
        Object.values(leftOut).reduce((a, b) => a + b, 0),
        Object.values(skipped).reduce((sum, { count }) => sum + count, 0),
      ],
    ]);
    expect(Object.fromEntries(counts)).toEqual(COUNTS);
    const { training, evaluation } = await loadDataset(out());
    const bySource = (values: readonly string[]) =>
      Object.fromEntries([...new Set(values)].map((one) => [one, values.filter((v) => v === one).length]));
    const train = Object.fromEntries(
      Object.entries(COUNTS)
        .filter(([name]) => SUBSETS.some(({ key }) => key === name))
        .map(([name, [, rows]]) => [name, rows]),
    );
    expect(bySource(training.examples.map(({ source }) => source))).toEqual(train);
    expect(bySource(evaluation.items.map(({ task }) => task))).toEqual({
      mmlu: 24,
      medmcqa: 5,
      medqa: 4,
      headqa: 5,
      pubmedqa: 2,
      usmle_self_assessment: 3,
    });
    expect((await readSources(out())).medmcqa).toMatchObject({ samples: 180_462, places: [{ licence: 'apache-2.0' }] });
    for (const { name, published, samples } of ALL_SOURCES)
      expect(published === null || published > 0, `${name} ${samples}`).toBe(true);
  });

  test('a second run fetches nothing and makes nothing anew; a third needs no network', async () => {
    await start();
    await fetchNamed(all());
    const bytes = [...hub.served.values()].reduce((a, b) => a + b, 0);
    const again: boolean[] = [];
    const plan = await planFetch(ALL_SOURCES, where());
    expect(plan.bytes.missing).toBe(0);
    await runFetch(plan, out(), { atOnce: 4, onDone: (_, isNew) => again.push(isNew) });
    expect([...hub.served.values()].reduce((a, b) => a + b, 0)).toBe(bytes);
    expect([again.length, again.some(Boolean)]).toEqual([Object.keys(COUNTS).length, false]);
    const asked = hub.requests.length;
    const stated = await readSources(out());
    await rm(out(), { recursive: true });
    const offline = await fetchNamed(all(), where({ offline: true }));
    expect([offline.fetched.length, offline.refused, hub.requests.length]).toEqual([
      Object.keys(COUNTS).length,
      [],
      asked,
    ]);
    // Made of the cache alone, the record says the same, the licences of the cards with it.
    expect(await readSources(out())).toEqual(stated);
  });

  test('the token is in no file', async () => {
    await start();
    await fetchNamed(all());
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(60);
    for (const one of files) expect(readFileSync(join(one.parentPath, one.name)).includes(TOKEN), one.name).toBe(false);
  });
});

describe('rows', () => {
  test('are as each source means them', async () => {
    await start();
    await fetchNamed([
      'medmcqa',
      'stackexchange',
      'opengpt',
      'pubmedqa',
      'openorca_cot',
      'medquad',
      'usmle_self_assessment',
      'niv2',
    ]);
    expect(rowsOf('train/medmcqa.jsonl')[1]).toEqual({
      id: 'medmcqa-mc-1',
      source: 'medmcqa',
      prompt: 'Which stone is number 1?\na. flint\nb. chalk\nc. slate\nd. marl',
      response: 'b. chalk',
      question: 'Which stone is number 1?',
      choices: ['flint', 'chalk', 'slate', 'marl'],
      answer: 1,
    });
    expect(
      rowsOf('train/stackexchange.jsonl')
        .slice(0, 2)
        .map(({ response }) => response),
    ).toEqual(['<p>Accepted.</p>', '<p>Most votes.</p>']);
    expect(rowsOf('train/opengpt.jsonl').map(({ id, prompt, response }) => [id, prompt, response])).toEqual([
      ['opengpt-nhs_uk_qa-0-0', 'A?', 'B.'],
      ['opengpt-nhs_uk_conversations-0-0', 'What is\nmoss, "really"?', 'A plant.'],
      ['opengpt-nhs_uk_conversations-0-1', 'And fern?', 'One too.'],
      ['opengpt-medical_tasks-0-0', 'Task', 'Done'],
    ]);
    expect(rowsOf('train/pubmedqa.jsonl')[0]).toEqual({
      id: 'pubmedqa-101',
      source: 'pubmedqa',
      prompt: 'Abstract: Moss was seen.\nIt grew.\nQuestion: Does moss 1 grow?\nAnswer with yes, no or maybe.',
      response: 'no',
    });
    expect(rowsOf('train/openorca_cot.jsonl').slice(0, 2)).toEqual([
      { id: 'openorca_cot-cot.1000', source: 'openorca_cot', prompt: 'cot 0?', response: 'because 0' },
      {
        id: 'openorca_cot-cot.1001',
        source: 'openorca_cot',
        system: 'Think first.',
        prompt: 'cot 1?',
        response: 'because 1',
      },
    ]);
    expect(rowsOf('train/medquad.jsonl')[0]).toMatchObject({
      id: 'medquad-001-0',
      prompt: 'What is moss 0?',
      response: 'A plant, 0.',
    });
    expect(rowsOf('eval/usmle_self_assessment.jsonl')[0]).toMatchObject({
      choices: ['Flint', 'Chalk', 'Slate'],
      answer: 1,
    });
    expect((await readSources(out())).niv2!.lacking).toHaveLength(53);
  });

  test("of MedQuAD's own XML are read out of the archive, those without an answer counted", async () => {
    await start();
    const { fetched, refused } = await fetchNamed(['medquad_xml']);
    expect(refused).toEqual([]);
    expect(fetched[0]).toMatchObject({ raw: 4, rows: 3, leftOut: { 'no answer': 1 } });
    expect(rowsOf('train/medquad_xml.jsonl').slice(0, 2)).toEqual([
      {
        id: 'medquad_xml-1_Moss_QA-0000001-1',
        source: 'medquad',
        prompt: 'What is moss & fern?',
        response: 'A plant.',
      },
      { id: 'medquad_xml-1_Moss_QA-0000001-2', source: 'medquad', prompt: 'Why?', response: 'For <green> reasons.' },
    ]);
  });

  test("of MedQuAD's XML that is damaged name the document", async () => {
    const broken = medQuadArchive({ '1_Moss_QA/0000009.xml': '<Document><QAPairs><QAPair></Document>' });
    hub = await stubHub(repos, { ...NATIVE_PLAIN, [MEDQUAD]: broken });
    const { refused } = await fetchNamed(['medquad_xml']);
    expect(refused[0]!.error.message).toMatch(/archive.tar.gz: 1_Moss_QA\/0000009.xml is not well-formed XML/);
    expect(existsSync(join(out(), 'train/medquad_xml.jsonl'))).toBe(false);
  });

  test('that are skipped are counted by reason, with the place of the first', async () => {
    await start();
    const { fetched } = await fetchNamed(['medmcqa', 'flashcards']);
    expect(fetched.map(({ skipped }) => skipped)).toEqual([
      {
        '"cop" must be an integer from 0 to 3, a letter or the text of one choice': {
          count: 1,
          first: 'openlifescienceai/medmcqa/data/train-00000-of-00001.parquet row 6',
        },
      },
      {
        '"output" must be a non-empty string': {
          count: 1,
          first: 'medalpaca/medical_meadow_medical_flashcards/medical_meadow_wikidoc_medical_flashcards.json row 10',
        },
      },
    ]);
  });
});

describe('a second home', () => {
  const without = async (...ids: readonly string[]) => {
    const left = Object.entries(repos).filter(([id]) => !ids.includes(id));
    hub = await stubHub(Object.fromEntries(left), NATIVE_PLAIN);
  };

  test('is taken where the Hub’s copy is gone, which is said; its rows are those of the source', async () => {
    await without('Muennighoff/natural-instructions', 'qiaojin/PubMedQA', 'lavita/MedQuAD');
    const { fetched, refused } = await fetchNamed(['niv2', 'pubmedqa', 'pubmedqa_test', 'medquad', 'mediqa']);
    expect(refused).toEqual([]);
    expect(fetched.map(({ name, raw, rows, leftOut }) => [name, raw, rows, leftOut])).toEqual([
      ['niv2', 3, 3, {}],
      ['pubmedqa', 6, 4, { 'of the test set': 2 }],
      ['pubmedqa_test', 6, 2, { 'not of the test set': 4 }],
      ['medquad', 4, 3, { 'no answer': 1 }],
      ['mediqa', 4, 4, {}],
    ]);
    expect(said.filter((line) => line.includes('is taken from'))).toEqual([
      expect.stringMatching(
        /^niv2: Muennighoff\/natural-instructions is not there \(404\); .*; it is taken from github.com\/allenai\/natural-instructions$/,
      ),
      expect.stringMatching(/^pubmedqa: qiaojin\/PubMedQA .* it is taken from github.com\/pubmedqa\/pubmedqa$/),
      expect.stringMatching(/^medquad: lavita\/MedQuAD .* it is taken from github.com\/abachaa\/MedQuAD$/),
    ]);
    expect(rowsOf('train/niv2.jsonl')).toEqual([
      { id: 'niv2-task1161-a', source: 'niv2', prompt: 'Write a title.\n\nAbstract 0', response: 'Title 0' },
      { id: 'niv2-task1161-b', source: 'niv2', prompt: 'Write a title.\n\nAbstract 1', response: 'Title 1' },
      {
        id: 'niv2-task1431_head_qa_answer_generation-0',
        source: 'niv2',
        prompt: 'Choose.\n\nQ',
        response: '2',
      },
    ]);
    expect(rowsOf('train/medquad.jsonl')[0]).toMatchObject({ source: 'medquad', prompt: 'What is moss & fern?' });
    const record = await readSources(out());
    expect(record.niv2!.lacking).toHaveLength(52);
    expect(record.niv2!.places).toEqual([
      { id: 'allenai/natural-instructions', commit: 'e0fd31052b21acea5bd95fb00253e1ee1f5d8259', licence: null },
    ]);
    expect(record.niv2!.differs.join()).toContain('of several outputs the first is taken');
  });

  test('gives PubMedQA’s rows as the Hub’s copy gives them', async () => {
    await start();
    await fetchNamed(['pubmedqa', 'pubmedqa_test']);
    const [train, items] = [rowsOf('train/pubmedqa.jsonl'), rowsOf('eval/pubmedqa_test.jsonl')];
    await hub.close();
    await without('qiaojin/PubMedQA');
    await fetchNamed(['pubmedqa', 'pubmedqa_test']);
    expect(said.join('\n')).toContain('it is taken from github.com/pubmedqa/pubmedqa');
    expect([rowsOf('train/pubmedqa.jsonl'), rowsOf('eval/pubmedqa_test.jsonl')]).toEqual([train, items]);
  });

  test('is taken where a file cannot be fetched after all, and not where the Hub has it', async () => {
    await start();
    await fetchNamed(['niv2']);
    expect(said.join()).not.toContain('is taken from');
    await rm(join(folder, 'cache'), { recursive: true });
    hub.fault = ({ path }) => (path.includes('/resolve/') ? { status: 500 } : undefined);
    const { fetched, refused } = await fetchNamed(['niv2']);
    expect([fetched[0]?.rows, refused]).toEqual([3, []]);
    expect(said.join('\n')).toMatch(/niv2: .* answers 500 in 3 tries; it is taken from github.com\/allenai/);
    expect(rowsOf('train/niv2.jsonl')[0]).toMatchObject({ id: 'niv2-task1161-a' });
  });

  test('that is not there either: both are said', async () => {
    hub = await stubHub({}, {});
    const { refused } = await fetchNamed(['niv2', 'medquad']);
    expect(refused.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(
        /natural-instructions is not there \(404\); .*; nor from github.com\/allenai\/natural-instructions: .* must have tasks\/task1161.*, which it lacks at e0fd310/,
      ),
      expect.stringMatching(/MedQuAD is not there .*; nor from github.com\/abachaa\/MedQuAD: .* answers 404/),
    ]);
  });

  test('is used again offline', async () => {
    await without('Muennighoff/natural-instructions');
    await fetchNamed(['niv2']);
    const asked = hub.requests.length;
    const { fetched } = await fetchNamed(['niv2'], where({ offline: true }));
    expect([fetched[0]?.rows, hub.requests.length]).toEqual([3, asked]);
  });
});

describe('what cannot be had', () => {
  test('is said by name; the others are fetched all the same', async () => {
    const mediqa = 'medalpaca/medical_meadow_mediqa';
    const headqa = 'openlifescienceai/headqa';
    await start({
      [mediqa]: { ...repos[mediqa]!, gated: true },
      [headqa]: { ...repos[headqa]!, files: { 'train.json': { content: Buffer.from('[{"Question": "x"}]') } } },
    });
    const client = createClient({ endpoint: hub.endpoint, token: 'hf_another', pause: 1 });
    const { fetched, refused } = await fetchNamed(
      ['mediqa', 'headqa', 'headqa_test', 'usmle_sample_exam', 'medquad'],
      where({ client }),
    );
    expect(fetched.map(({ name }) => name)).toEqual(['medquad']);
    expect(refused.map(({ source, error }) => [source.name, error.message])).toEqual([
      ['mediqa', expect.stringMatching(/medical_meadow_mediqa is gated or closed to you \(403\)/)],
      [
        'headqa_test',
        expect.stringMatching(
          /openlifescienceai\/headqa must have test.json, which the Hub at eeeeeee lacks; it has train.json/,
        ),
      ],
      ['usmle_sample_exam', expect.stringMatching(/usmle_sample_exam cannot be had: no second set of 325/)],
      [
        'headqa',
        expect.stringMatching(
          /headqa\/train.json row 1 must have|headqa\/train.json must have the columns name, year, category, qid, qtext, ra, answers, lacks .* has Question/,
        ),
      ],
    ]);
  });

  test('a network that is gone: the cache is used, and said', async () => {
    await start();
    await fetchNamed(['mediqa', 'medmcqa']);
    const client = createClient({ endpoint: 'http://127.0.0.1:9', pause: 1, retries: 0 });
    const { fetched, refused } = await fetchNamed(['mediqa', 'medmcqa', 'flashcards'], where({ client }));
    expect(fetched.map(({ name }) => name)).toEqual(['mediqa', 'medmcqa']);
    expect(refused.map(({ source }) => source.name)).toEqual(['flashcards']);
    expect(said.join('\n')).toMatch(
      /medical_meadow_mediqa: .* gives no answer .*the cache has it at eeeeeee: that is used/,
    );
  });

  test('offline with an empty cache says what to do', async () => {
    await start();
    const { refused } = await fetchNamed(['mediqa', 'opengpt'], where({ offline: true }));
    expect(refused.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/the cache .* has no medalpaca\/medical_meadow_mediqa at main; fetch it with a network/),
      expect.stringMatching(
        /prepared_generated_data_for_nhs_uk_qa.csv is not in .*raw, and HF_HUB_OFFLINE forbids the network/,
      ),
    ]);
    expect(hub.requests).toEqual([]);
  });
});

describe('rows of a folder', () => {
  test('go beside their rows of the tables; stand-ins are named, strangers counted', async () => {
    const from = join(folder, 'from');
    const write = (file: string, rows: readonly object[]) => {
      mkdirSync(join(from, file, '..'), { recursive: true });
      writeFileSync(join(from, file), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    };
    write('train/mixed.jsonl', [
      { id: '1', source: 'openorca_t0_standin', prompt: 'a?', response: 'b' },
      { id: '2', source: 'medquad', prompt: 'c?', response: 'd' },
      { id: '3', source: 'medquad', prompt: 'e?', response: 'f' },
      { id: '4', source: 'our_notes', prompt: 'g?', response: 'h' },
      { id: '5', source: 'medquad', prompt: 'i?', response: '' },
    ]);
    write('eval/items.jsonl', [{ id: '6', task: 'medmcqa', question: 'j?', choices: ['k', 'l'], answer: 1 }]);
    const taken = await takeFolder(from, out(), { say: (line) => said.push(line) });
    expect(taken.map(({ name, rows, samples, standIn }) => [name, rows, samples, standIn])).toEqual([
      ['medquad', 2, 14_553, null],
      ['openorca_t0_standin', 1, 110_905, "T0 (P3) rows with their own answers, not OpenOrca's GPT answers"],
      ['medmcqa_validation', 1, 4_183, null],
    ]);
    expect(said).toEqual([
      'train: 1 row skipped: "source" must be of table A1, got "our_notes" (first: train/mixed.jsonl line 4)',
      'train: 1 row skipped: "response" must be a non-empty string (first: train/mixed.jsonl line 5)',
    ]);
    expect(rowsOf('train/medquad.jsonl').map(({ id }) => id)).toEqual(['2', '3']);
    expect(Object.keys(await readSources(out()))).toEqual(['medquad', 'openorca_t0_standin', 'medmcqa_validation']);
    const { training } = await loadDataset(out());
    expect(training.examples).toHaveLength(3);
  });

  const REAL = '../shared/data';
  if (!existsSync(REAL)) console.warn(`the real rows' counts skipped: no ${REAL}`);
  test.skipIf(!existsSync(REAL))('real rows: the counts of table A2 whole, and of table A1 what is there', async () => {
    const taken = await takeFolder(REAL, out());
    const counts = Object.fromEntries(taken.map(({ name, rows }) => [name, rows]));
    const whole = taken.filter(({ rows, samples }) => rows === samples).map(({ name }) => name);
    expect(whole).toEqual(['mmlu_test', 'medmcqa_validation', 'medqa_test', 'headqa_test', 'pubmedqa_test']);
    expect(counts).toMatchObject({
      medmcqa: 2_763,
      medqa: 3_197,
      pubmedqa: 500,
      opengpt: 470,
      medquad: 16_407,
      niv2: 54,
    });
    expect(taken.filter(({ standIn }) => standIn !== null).map(({ name }) => name)).toEqual([
      'openorca_t0_standin',
      'openorca_flan_standin',
      'openorca',
      'openorca_cot_standin',
    ]);
  });
});
