import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDataset, loadEvalItems } from '../../lib/data/examples';
import { dataNotes, evaluationNotes } from '../../lib/data/reading/notes';
import { checkItem } from '../../lib/eval/item-checks';
import { taskOf } from '../../lib/eval/tasks/tasks';

const CASES = '../shared/cases';
if (!existsSync(CASES)) console.warn('cases of rows skipped: no ../shared/cases');

const made = new Map<string, string>();
/** A case's folder, made once. */
function folderOf(name: string): string {
  const known = made.get(name);
  if (known) return known;
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  execFileSync(process.execPath, [join(CASES, name, 'make.mjs'), folder]);
  made.set(name, folder);
  return folder;
}

/** The task, choices and answer of each item, all of which are checked as scoring checks them. */
async function itemsOf(folder: string) {
  const { items } = await loadEvalItems(folder);
  return items.map((item) => {
    const task = taskOf(item);
    checkItem(item, task);
    return [task.name, item.choices.length, item.answer] as const;
  });
}

describe.skipIf(!existsSync(CASES))('rows as people have them', () => {
  const THREE = [
    ['medqa_4options', 4, 0],
    ['medqa_4options', 4, 1],
    ['headqa_en', 4, 0],
  ];
  test.each<readonly [string, unknown]>([
    ['hub-medqa-hf', [['medqa_4options', 4, 1]]],
    ['hub-medqa', [['medqa_4options', 4, 1]]],
    ['hub-medmcqa', [['medmcqa', 4, 1]]],
    ['hub-pubmedqa', [['pubmedqa', 3, 0]]],
    ['hub-headqa', [['headqa_en', 2, 1]]],
    ['hub-mmlu', [['mmlu_anatomy', 4, 1]]],
    ['array-pretty', THREE],
    ['array-one-line', THREE],
    ['ids-are-numbers', THREE],
    ['answer-letter', THREE],
    ['answer-text', THREE],
    ['image-empty', THREE],
    ['choice-empty-in-letter-task', THREE],
    ['choice-number', THREE],
  ])('13-data-forms: %s', async (name, expected) => {
    expect(await itemsOf(join(folderOf('13-data-forms'), name))).toEqual(expected);
  });

  test('13-data-forms: no item has an empty image, and NaN is no JSON', async () => {
    const folder = folderOf('13-data-forms');
    const { items, withImage } = await loadEvalItems(join(folder, 'image-empty'), { images: 'exclude' });
    expect([items.length, withImage]).toEqual([3, 0]);
    await expect(loadEvalItems(join(folder, 'nan'))).rejects.toThrow('eval/x.jsonl line 1: invalid JSON');
  });

  test.each<readonly [string, object]>([
    ['messages', { system: 'Be brief.' }],
    ['sharegpt', {}],
    ['alpaca', { prompt: 'Answer truthfully.\nWhat is fever?' }],
    ['prompt-completion', {}],
  ])('13-data-forms: training rows, %s', async (name, more) => {
    const { training } = await loadDataset(join(folderOf('13-data-forms'), name));
    const expected = { prompt: 'What is fever?', response: 'A raised body temperature.', ...more };
    expect(training.examples).toMatchObject([expected]);
  });

  test.each<readonly [string, number, string | undefined]>([
    ['apple-double', 2, 'not read: eval/._x.jsonl (hidden)'],
    ['hidden-copy', 2, 'not read: eval/.x.jsonl (hidden)'],
    [
      'checkpoints',
      2,
      'not read: eval/.ipynb_checkpoints (hidden), eval/x-checkpoint.jsonl (a copy that Jupyter made)',
    ],
    ['other-endings', 3, undefined],
    ['upper-case-ending', 3, undefined],
    ['ndjson', 3, undefined],
    ['plain-text-named-gz', 3, 'eval/y.jsonl.gz is not compressed, whatever its name says; it was read as what it is'],
    ['gz-named-plain', 3, 'eval/y.jsonl is compressed with gzip, whatever its name says; it was read as what it is'],
  ])('14-data-files: %s', async (name, count, note) => {
    const set = await loadEvalItems(join(folderOf('14-data-files'), name));
    const [read, ...others] = evaluationNotes(set);
    expect(read).toMatch(`read: ${count} rows of the form question, choices, answer, JSON Lines: eval/`);
    expect([set.items.length, others]).toEqual([count, note === undefined ? [] : [note]]);
  });

  test('14-data-files: a Parquet file of four bytes is refused by name', async () => {
    await expect(loadEvalItems(join(folderOf('14-data-files'), 'parquet'))).rejects.toThrow(
      'eval/more-00000-of-00001.parquet cannot be read as Parquet',
    );
  });

  test('15-long-line: a row of 64 MB on one line is read', async () => {
    const { items } = await loadEvalItems(join(folderOf('15-long-line'), 'one-line-64'));
    expect(items).toHaveLength(1);
  });

  test('21-end-markers: markers are taken off and counted, a template in the prompt is warned of', async () => {
    const folder = folderOf('21-end-markers');
    const marked = await loadDataset(join(folder, 'llama2-eos'));
    expect(marked.training.examples[0]?.response).toBe('Rest 0.');
    expect(dataNotes(marked)).toEqual(['taken off: the end marker </s> from 40 responses']);
    const [note] = dataNotes(await loadDataset(join(folder, 'own-template')));
    expect(note).toMatch(/^warning: 40 prompts with the tag <\|prompter\|> of a chat template/);
  });

  test.each<readonly [string, string | readonly unknown[]]>([
    ['subject-underscore', ['mmlu_clinical_knowledge']],
    ['subject-space', ['mmlu_clinical_knowledge']],
    ['subject-title', ['mmlu_clinical_knowledge']],
    ['subject-other', '"subject" must be one of clinical_knowledge'],
    ['task-full', ['mmlu_clinical_knowledge']],
    ['task-upper', '"MMLU" must be written mmlu'],
    ['task-medqa-hub', ['medqa_4options']],
    ['task-custom', ['our_exam']],
    ['answer-list', '"answer" must be an integer from 0 to 3'],
    ['answer-float', ['mmlu_clinical_knowledge']],
    ['answer-true', 'got true'],
    ['answer-null', 'got null'],
    ['five-options', 'item m1 has 5 options, the task needs 4'],
    ['three-options', 'item m1 has 3 options, the task needs 4'],
    ['context-list', '"context" must be a string when present'],
    ['pubmed-capitals', 'required yes, no, maybe'],
    ['leading-space-choices', ['headqa_en']],
  ])('22-task-names: %s', async (name, expected) => {
    const items = itemsOf(join(folderOf('22-task-names'), name));
    if (typeof expected === 'string') await expect(items).rejects.toThrow(expected);
    else expect((await items).map(([task]) => task)).toEqual(expected);
  });
});
