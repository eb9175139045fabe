import { describe, expect, it } from 'vitest';
import { harnessResults, readHarnessResults, sanitizedModelName } from '../../lib/eval/harness-results';
import { harnessSample, readHarnessSamples } from '../../lib/eval/harness-samples';
import { scoreItems } from '../../lib/eval/score';
import { selectItems } from '../../lib/eval/select-items';
import { taskOf } from '../../lib/eval/tasks/tasks';
import { byteTokenizer, fakeScorer } from './fakes';

const headqa = { id: 'h', task: 'headqa', question: 'Why?', choices: ['é', 'no'], answer: 1 };
const medqa = { id: 'm', task: 'medqa', question: 'Who?', choices: ['a', 'b', 'c', 'd'], answer: 2 };
const BY = {
  model: 'tiny',
  adapter: null,
  device: 'cpu',
  maxLength: 64,
  bosId: 1,
  eosId: 2,
  limit: null,
  leftOut: { headqa_en: 2 },
  date: 1,
  seconds: 2,
  identity: 'x',
} as const;

describe("the harness's files", () => {
  const written = async () => {
    const result = await scoreItems([headqa, { ...headqa, id: 'h2' }, medqa], fakeScorer(64), byteTokenizer());
    const samples = { headqa_en: [harnessSample(0, headqa, taskOf(headqa), result.items[0]!)] };
    return { result, samples, text: JSON.stringify(harnessResults(result.tasks, result.groups, samples, BY)) };
  };

  it('are written and read back', async () => {
    const { result, samples, text } = await written();
    const read = readHarnessResults(text, 'r.json');
    expect(read.writtenBy).toBe('med42-workbook');
    const [own, single] = result.tasks;
    expect(read.tasks.headqa_en).toEqual({
      acc: own!.acc.value,
      accStderr: own!.acc.stderr,
      accNorm: own!.accNorm!.value,
      accNormStderr: own!.accNorm!.stderr,
      n: 2,
      version: '1',
    });
    expect(read.tasks.medqa_4options).toMatchObject({
      acc: single!.acc.value,
      accStderr: null,
      version: 'unversioned',
    });
    expect(JSON.parse(text)['n-samples'].headqa_en).toEqual({ original: 4, effective: 2 });
    const lines = samples.headqa_en.map((sample) => JSON.stringify(sample)).join('\n');
    expect(readHarnessSamples(lines, 's.jsonl')).toEqual([
      {
        docId: 0,
        docHash: samples.headqa_en[0]!.doc_hash,
        requests: ['é', 'no'].map((text) => ({ context: 'Question: Why?\nAnswer:', continuation: ` ${text}` })),
        logLikelihoods: result.items[0]!.logLikelihoods,
        isGreedy: result.items[0]!.isGreedy,
        acc: Number(result.items[0]!.prediction === 1),
        accNorm: Number(result.items[0]!.predictionNorm === 1),
      },
    ]);
  });

  it('of another version, or of no such form, are refused by name', async () => {
    const { text } = await written();
    const refused = (file: unknown) => () =>
      readHarnessResults(typeof file === 'string' ? file : JSON.stringify(file), 'r.json');
    expect(refused({ lm_eval_version: '0.3.0', results: {} })).toThrow(
      /r.json was written by lm_eval 0.3.0; give a res/,
    );
    expect(refused({ results: {} })).toThrow(/names no lm_eval_version/);
    expect(refused({ workbook: { format: 2 }, results: {} })).toThrow(/format 2, read is 1/);
    expect(refused({ lm_eval_version: '0.4.13' })).toThrow(/has no "results"/);
    expect(refused(text.slice(0, 50))).toThrow(/r.json is damaged .*; give a res/);
    expect(refused('null')).toThrow(/r.json: "the file" must be an object, got null; give a res/);
    expect(refused({ lm_eval_version: '0.4.13', results: { a: null } })).toThrow(
      /"results.a" must be an object, got null/,
    );
    expect(() => readHarnessSamples('{"doc_id":0,"doc_hash":"x","filter":"strict"}', 's')).toThrow(
      /s line 1: "filter" must be "none", got "strict"; give a samples file/,
    );
    expect(() => readHarnessSamples('\n{', 's')).toThrow(/s line 2 is damaged/);
  });

  it('lie in a folder of the model’s name as the harness cleans it', () => {
    expect(sanitizedModelName('../a/b:c')).toBe('..__a__b__c');
  });
});

describe('selectItems', () => {
  const items = [headqa, medqa];
  it('takes the tasks named, and says which a form does not have', () => {
    expect(selectItems(items, ['headqa_en'], 'present', 'd').items).toEqual([headqa]);
    expect(selectItems(items, ['all'], '2022', 'd')).toEqual({
      items: [headqa],
      undefinedTasks: { medqa_4options: 1 },
    });
  });
  it('says which file to bring, and what it must hold', () => {
    expect(() => selectItems(items, ['usmle'], 'present', 'd')).toThrow(
      /d has no items of usmle_self_assessment; the exam’s licence .* Put eval\/usmle_self_assessment.jsonl there.*"choices"/,
    );
    expect(() => selectItems(items, ['medqa_4options'], '2022', 'd')).toThrow(/medqa_4options has no variant '2022'/);
    expect(() => selectItems(items, ['mmlu'], 'present', 'd')).toThrow(/has no items of mmlu_clinical_knowledge/);
    expect(() => selectItems(items, ['nonsense'], 'present', 'd')).toThrow(/no task "nonsense"/);
  });
});
