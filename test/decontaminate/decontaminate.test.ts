import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalItem, TrainExample } from '../../lib/data/examples';
import { type DecontaminationInput, decontaminate } from '../../lib/decontaminate/decontaminate';
import { type Encoder, openEncoder } from '../../lib/decontaminate/encoder';
import { pairsToCsv, pairsToMarkdown } from '../../lib/decontaminate/pairs-files';
import { type Device, openDevice } from '../../lib/engine/device';
import { writeStatic } from './small-encoders';

/** Texts of four known words, so that every cosine is known: "heart and" is 0.9487 from "heart", "liver" far from it. */

let root: string;
let device: Device;
let encoder: Encoder;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'decontaminate-'));
  device = await openDevice('cpu', 1);
  encoder = await openEncoder(await writeStatic(join(root, 'static')), device);
});
afterAll(() => rm(root, { recursive: true }));

const item = (id: string, question: string, task: string, subject?: string): EvalItem => ({
  id,
  task,
  question,
  choices: ['<b>lung</b>', 'x'],
  answer: 0,
  ...(subject ? { subject } : {}),
});
const row = (id: string, prompt: string): TrainExample => ({ id, source: 'medquad', prompt, response: 'lung' });

const ITEMS = [
  item('i1', 'heart', 'mmlu', 'anatomy'),
  item('i2', 'liver', 'mmlu', 'anatomy'),
  item('i3', 'lung', 'mmlu', 'genetics'),
  item('i4', 'heart and', 'medqa'),
];
const ROWS = [row('r1', 'HEART'), row('r2', 'heart and lung'), row('r3', 'HEART'), row('r4', 'and')];
const flag = (more: Partial<DecontaminationInput> = {}) =>
  decontaminate({
    items: ITEMS,
    rows: ROWS,
    comparison: { kind: 'embedding', encoder, device },
    view: 'question',
    floor: 0,
    ...more,
  });

describe('the record', () => {
  it('flags items above the threshold and counts them by task and subject', async () => {
    const result = await flag();
    expect(result.flagged).toEqual(['i1', 'i4']);
    expect(result.tasks).toEqual([
      { task: 'mmlu', subject: null, n: 3, flagged: 1, percent: 100 / 3 },
      { task: 'mmlu', subject: 'anatomy', n: 2, flagged: 1, percent: 50 },
      { task: 'mmlu', subject: 'genetics', n: 1, flagged: 0, percent: 0 },
      { task: 'medqa', subject: null, n: 1, flagged: 1, percent: 100 },
    ]);
    expect(result.total).toEqual({ n: 4, flagged: 2, percent: 50 });
    expect([result.trainingRows, result.trainingTexts]).toEqual([4, 3]);
    expect(result.truncation).toEqual({
      evaluation: { texts: 4, truncated: 0, percent: 0 },
      training: { texts: 3, truncated: 0, percent: 0 },
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it('flags what exceeds the threshold, not what equals it', async () => {
    const { nearest, flagged } = await flag({ threshold: 0.9 });
    expect(flagged).toEqual(['i1', 'i4']);
    expect((await flag({ threshold: nearest[3]! })).flagged).toEqual(['i1']);
  });

  it('keeps the nearest different texts as evidence, with the copies of each', async () => {
    const { pairs } = await flag({ topK: 2 });
    const [first, second] = pairs.filter(({ itemId }) => itemId === 'i1');
    expect(first).toMatchObject({ rowId: 'r1', copies: 2, rank: 1, flagged: true, exact: true, sharedNgram: null });
    expect(first!.cosine).toBeCloseTo(1, 6);
    expect(second).toMatchObject({ rank: 2 });
    expect((await flag({ topK: 2, floor: 0.97 })).pairs).toHaveLength(1);
  });

  it('says of every method what it is', async () => {
    expect((await flag()).notice).toMatch(/^Not the paper's method: static averages word vectors/);
    const tfIdf = await flag({ comparison: { kind: 'tf-idf' } });
    expect(tfIdf).toMatchObject({ kind: 'tf-idf', encoder: null, truncation: null, isPapersMethod: false });
    expect(tfIdf.notice).toMatch(/word statistics with a threshold of their own/);
    expect(tfIdf.flagged).toContain('i1');
  });

  it('is the same from the cache', async () => {
    const cache = join(root, 'vectors');
    const comparison = { kind: 'embedding', encoder, device, cache } as const;
    const stages: string[] = [];
    const first = await flag({ comparison, at: (stage) => stages.push(stage) });
    expect(stages).toContain('embedding');
    stages.length = 0;
    expect(await flag({ comparison, at: (stage) => stages.push(stage) })).toEqual(first);
    expect(stages).not.toContain('embedding');
    expect(await flag()).toEqual(first);
  });
});

describe('with a planted truth', () => {
  it('counts precision and recall by kind', async () => {
    const planted = [
      { itemId: 'i1', rowId: 'r3', kind: 'exact' },
      { itemId: 'i2', rowId: 'r4', kind: 'reworded' },
      { itemId: 'i4', rowId: 'r1', kind: 'same-topic' },
    ] as const;
    const { truth, flagged, secondOpinions } = await flag({ planted, taught: new Set(['i3']), threshold: 0.65 });
    expect(flagged).toEqual(['i1', 'i3', 'i4']);
    const own = truth!.find(({ threshold }) => threshold === 0.65)!;
    expect(own).toMatchObject({
      precision: 1 / 3,
      precisionUntaught: 1 / 2,
      recall: 1 / 2,
      truePositives: 1,
      falseSameTopic: 1,
      falseOther: 1,
      falseTaught: 1,
    });
    expect(own.kinds).toEqual([
      { kind: 'exact', items: 1, flagged: 1, rowFound: 1, rate: 1 },
      { kind: 'reworded', items: 1, flagged: 0, rowFound: 0, rate: 0 },
      { kind: 'same-topic', items: 1, flagged: 1, rowFound: 1, rate: 1 },
    ]);
    expect(secondOpinions[0]).toMatchObject({ total: { n: 4, flagged: 1 }, alsoFlagged: 1 });
    expect(secondOpinions[0]!.truth).toMatchObject({ precision: 1, recall: 0.5 });
    expect(secondOpinions[1]).toMatchObject({ cannotMatch: 4, truth: { precision: null, recall: 0 } });
  });

  it('refuses pairs of ids that are not there', async () => {
    await expect(flag({ planted: [{ itemId: 'no', rowId: 'r1', kind: 'exact' }] })).rejects.toThrow(
      /planted pair of item "no", which is not among the evaluation items/,
    );
    await expect(flag({ planted: [{ itemId: 'i1', rowId: 'no', kind: 'exact' }] })).rejects.toThrow(
      /planted pair of row "no", which is not among the training rows/,
    );
  });
});

describe('refuses', () => {
  it.each([
    [{ items: [] }, /there are no evaluation items/],
    [{ rows: [] }, /there are no training rows/],
    [{ items: [ITEMS[0]!, ITEMS[0]!] }, /two evaluation items have the id "i1"/],
    [{ threshold: 80 }, /the threshold must lie between 0 and 1, got 80; the paper's is 0.8/],
    [{ topK: 0 }, /topK must be a whole number of 1 or more, got 0/],
  ] as const)('%o', async (more, message) => {
    await expect(flag(more)).rejects.toThrow(message);
  });
});

describe('the files', () => {
  it('show every pair, text escaped, differing words marked', async () => {
    const items = [item('i|1', 'heart =1+1', 'mmlu'), item('i2', 'lung <script>', 'mmlu')];
    const result = await flag({ items, rows: [row('r1', 'heart lung'), row('r2', '"lung",\nlung')], threshold: 0.1 });
    const csv = pairsToCsv(result.pairs);
    expect(csv.split('\r\n')[0]).toMatch(/^itemId,task,subject,rowId,source,copies,rank,cosine,flagged,exact,/);
    expect(csv).toContain('"""lung"",\nlung"');
    const markdown = pairsToMarkdown(result);
    expect(markdown).toContain('i\\|1');
    expect(markdown).toContain('**&lt;script&gt;**');
    expect(markdown).not.toContain('<script>');
    expect(markdown).toContain("Not the paper's method");
  });
});
