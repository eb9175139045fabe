import { describe, expect, it } from 'vitest';
import type { EvalItem } from '../../lib/data/examples';
import { groupsToCsv, itemsToJsonl, tasksToCsv } from '../../lib/eval/records';
import { requestHash, requestsOf } from '../../lib/eval/requests';
import { sampleItems } from '../../lib/eval/sample';
import { type ItemResult, scoreItems } from '../../lib/eval/score';
import { taskOf } from '../../lib/eval/tasks/tasks';
import { byteTokenizer, fakeScorer, VOCABULARY } from './fakes';

const tokenizer = byteTokenizer([' A', ' B', ' C', ' D']);

function item(id: string, answer: number, changes: Partial<EvalItem> = {}): EvalItem {
  return { id, task: 'medqa', question: `Question ${id}?`, choices: ['w', 'x', 'y', 'z'], answer, ...changes };
}

/** A model that gives the letters A to D fixed probabilities, whatever the question. */
function letterScorer(probabilities: readonly number[], maxLength = 512) {
  const rest = (1 - probabilities.reduce((sum, p) => sum + p, 0)) / (VOCABULARY - probabilities.length);
  const logProbs = Float64Array.from({ length: VOCABULARY }, (_, id) => Math.log(probabilities[id - 300] ?? rest));
  return fakeScorer(maxLength, () => logProbs);
}

describe('scoreItems', () => {
  it('keeps every log-likelihood and decides by the largest', async () => {
    const items = [item('a', 1), item('b', 0), item('c', 1)];
    const scorer = letterScorer([0.1, 0.4, 0.2, 0.1]);
    const { tasks, items: results, rowCount } = await scoreItems(items, scorer, tokenizer);
    expect(results.map((result) => result.id)).toEqual(['a', 'b', 'c']);
    expect(results[0]).toEqual({
      id: 'a',
      task: 'medqa_4options',
      logLikelihoods: [0.1, 0.4, 0.2, 0.1].map(Math.log),
      isGreedy: [false, true, false, false],
      tokenCounts: [1, 1, 1, 1],
      prediction: 1,
      predictionNorm: 1,
      answer: 1,
      tied: false,
      tiedNorm: false,
      truncatedTokens: 0,
      seams: 0,
    } satisfies ItemResult);
    expect(rowCount).toBe(3);
    expect(scorer.seen.map((row) => row.picks.length)).toEqual([4, 4, 4]);
    const [task] = tasks;
    expect(task).toMatchObject({ n: 3, available: 3, seed: null, bos: 'never', variant: 'present', requests: 12 });
    expect(task!.acc).toMatchObject({ count: 2, n: 3 });
    expect(task!.acc.stderr).toBeCloseTo(1 / 3, 12);
    expect(task!.accNorm).toEqual(task!.acc);
    expect(task).toMatchObject({ chance: 0.25, majority: { answer: 1, share: 2 / 3 }, ties: 0 });
    expect(task!.requestHash).toBe(requestHash(items.flatMap((one) => requestsOf(one, taskOf(one)))));
  });

  it('gives a tie to the first and counts it', async () => {
    const { tasks, items } = await scoreItems([item('a', 0), item('b', 2)], letterScorer([0.2, 0.1, 0.2]), tokenizer);
    expect(items.map((result) => result.prediction)).toEqual([0, 0]);
    expect(tasks[0]).toMatchObject({ ties: 2, acc: { count: 1 } });
  });

  it('lets length change the answer of HeadQA alone', async () => {
    const uniform = fakeScorer(512, () => new Float64Array(VOCABULARY).fill(Math.log(1 / VOCABULARY)));
    const headqa = item('h', 1, { task: 'headqa', choices: ['ab', 'abcd'] });
    const { tasks, items } = await scoreItems([headqa], uniform, tokenizer);
    // The space is scored but not counted in the length: 3 tokens over 2 characters against 5 over 4.
    expect(items[0]).toMatchObject({ prediction: 0, predictionNorm: 1, tokenCounts: [3, 5] });
    expect(tasks[0]!.acc.value).toBe(0);
    expect(tasks[0]!.accNorm!.value).toBe(1);
    expect(
      (await scoreItems([item('m', 0, { task: 'mmlu_anatomy' })], uniform, tokenizer)).tasks[0]!.accNorm,
    ).toBeNull();
  });

  it('counts what was cut off and where texts do not meet', async () => {
    const items = [item('short', 1), item('long', 1, { question: `${'x'.repeat(80)}?` })];
    // 119 tokens and the letter, 120 in all; the model takes 60, and is not shown the last.
    const { tasks, items: results } = await scoreItems(items, letterScorer([0.01, 0.9], 60), tokenizer);
    expect(results.map((result) => result.truncatedTokens)).toEqual([0, 59]);
    expect(tasks[0]).toMatchObject({ truncatedItems: 1, truncatedTokens: 59, truncatedTokensMax: 59, seams: 0 });
    const merged = await scoreItems(items, letterScorer([0.1]), byteTokenizer([': ']));
    expect(merged.tasks[0]!.seams).toBe(8);
    expect(merged.items.map((result) => result.seams)).toEqual([4, 4]);
  });

  it("mixes tasks, reports them in the paper's order and averages MMLU", async () => {
    const items = [
      item('1', 0),
      item('2', 1, { task: 'mmlu', subject: 'anatomy' }),
      item('3', 0, { task: 'mmlu', subject: 'anatomy' }),
      item('4', 1, { task: 'mmlu', subject: 'college_biology' }),
    ];
    const progress: [number, number][] = [];
    const result = await scoreItems(items, letterScorer([0.1, 0.5]), tokenizer, {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(result.tasks.map((task) => task.task)).toEqual(['mmlu_college_biology', 'mmlu_anatomy', 'medqa_4options']);
    expect(result.items.map((one) => one.id)).toEqual(['4', '2', '3', '1']);
    expect(result.groups[0]).toMatchObject({ group: 'mmlu', acc: 0.75, accWeighted: 2 / 3, accStderr: null, n: 3 });
    expect(progress).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
  });

  it('scores one item of a file, and no item at all', async () => {
    const { tasks } = await scoreItems([item('a', 0)], letterScorer([0.5]), tokenizer);
    expect(tasks[0]!.acc).toMatchObject({ value: 1, stderr: null });
    expect(await scoreItems([], letterScorer([0.5]), tokenizer)).toEqual({
      tasks: [],
      groups: [],
      items: [],
      rowCount: 0,
      tokenCount: 0,
    });
  });

  it('refuses items it cannot tell apart or cannot score', async () => {
    const score = (...items: EvalItem[]) => scoreItems(items, letterScorer([0.5]), tokenizer);
    await expect(score(item('a', 0), item('a', 1))).rejects.toThrow(/medqa_4options: item a is there twice/);
    await expect(score(item('a', 9))).rejects.toThrow(/item a has answer 9/);
    await expect(score(item('a', 0, { task: 'the boards' }))).rejects.toThrow(/"task" must be letters, digits/);
  });
});

describe('sampling', () => {
  const items = Array.from({ length: 50 }, (_, i) => item(`i${i}`, i % 4));
  const ids = (some: readonly EvalItem[]) => some.map((one) => one.id);

  it('is seeded, not the first n, in file order, and nested', () => {
    const ten = sampleItems(items, 10, 3, 'medqa_4options');
    expect(ids(ten)).toEqual(ids(sampleItems(items, 10, 3, 'medqa_4options')));
    expect(ids(ten)).not.toEqual(ids(items.slice(0, 10)));
    expect(ids(ten)).not.toEqual(ids(sampleItems(items, 10, 4, 'medqa_4options')));
    expect(ids(ten)).not.toEqual(ids(sampleItems(items, 10, 3, 'medmcqa')));
    expect(ten).toEqual(items.filter((one) => ten.includes(one)));
    expect(ids(sampleItems(items, 20, 3, 'medqa_4options'))).toEqual(expect.arrayContaining(ids(ten)));
    expect(sampleItems(items, 99, 3, 'medqa_4options')).toEqual(items);
    expect(() => sampleItems(items, 0, 3, 'medqa_4options')).toThrow(/limitPerTask must be a positive integer, got 0/);
  });

  it('is stated in the result', async () => {
    const scorer = letterScorer([0.5]);
    const { tasks } = await scoreItems(items, scorer, tokenizer, { limitPerTask: 10, seed: 3 });
    expect(tasks[0]).toMatchObject({ n: 10, available: 50, seed: 3 });
    expect(scorer.seen).toHaveLength(10);
    const all = await scoreItems(items, scorer, tokenizer, { limitPerTask: 50, seed: 3 });
    expect(all.tasks[0]).toMatchObject({ n: 50, available: 50, seed: null });
  });
});

describe('records', () => {
  it('writes items as JSON lines that read back the same', async () => {
    const { items } = await scoreItems([item('a "b"\n', 1), item('c', 0)], letterScorer([0.3, 0.1]), tokenizer);
    const lines = itemsToJsonl(items).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line))).toEqual(items);
  });

  it('writes CSV as RFC 4180 has it', async () => {
    const mmlu = ['anatomy', 'college_biology'].map((subject) => item(subject, 0, { task: 'mmlu', subject }));
    const { tasks, groups } = await scoreItems(mmlu, letterScorer([0.3]), tokenizer);
    const [header, first, , end] = tasksToCsv(tasks).split('\r\n');
    expect(header).toMatch(/^task,variant,version,bos,n,available,seed,correct,acc,acc_stderr,/);
    expect(first).toMatch(/^mmlu_college_biology,present,1\.0,never,1,1,,1,1,,0\.20\d+,1,,,,,/);
    expect(end).toBe('');
    expect(groupsToCsv(groups)).toContain('\r\nmmlu,"mmlu_college_biology, mmlu_anatomy","mmlu_clinical_knowledge, ');
    expect(tasksToCsv([{ ...tasks[0]!, version: 'a "b"\r\nc' }])).toContain(',present,"a ""b""\r\nc",never,');
  });
});
