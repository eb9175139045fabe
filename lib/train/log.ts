import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { appendLine, writeFileAtomic } from '../files';
import { parseJson, readTextIfThere } from '../json-file';
import { checkFields, count, fields, number } from '../schema';

/** One update, or one look at the held-out chunks after `step` updates. */
export interface StepRecord {
  /** Updates done when this was written: 1 after the first. */
  readonly step: number;
  readonly epoch: number;
  /** Mean over the step's response tokens, before the update. */
  readonly loss?: number;
  /** Of the mean gradient, before clipping. */
  readonly gradientNorm?: number;
  readonly learningRate?: number;
  readonly responseTokens?: number;
  /** Places of the chunks read, padding included. */
  readonly tokens?: number;
  readonly seconds?: number;
  readonly heldOutLoss?: number;
}

const UPDATE = fields({
  step: count,
  epoch: count,
  loss: number,
  gradientNorm: number,
  learningRate: number,
  responseTokens: count,
  tokens: count,
  seconds: number,
});
const LOOK = fields({ step: count, epoch: count, heldOutLoss: number });

/**
 * Cuts a log back to what a checkpoint knows: what was written after it is dropped.
 *
 * @param step updates that the checkpoint has
 * @param looksAfter whether the held-out chunks are looked at after so many updates
 * @throws naming the line, when one that the checkpoint knows is missing or not as it was written
 */
export async function rewindLog(
  path: string,
  step: number,
  looksAfter: (updates: number) => boolean,
): Promise<StepRecord[]> {
  const lines = ((await readTextIfThere(path, 'train')) ?? '').split('\n').slice(0, -1);
  const records: StepRecord[] = [];
  const remedy = `delete the folder ${dirname(path)} to train anew`;
  const take = (kind: 'update' | 'look', after: number) => {
    const line = lines[records.length];
    const where = `train: ${path} line ${records.length + 1}`;
    const what = kind === 'update' ? `update ${after}` : `the held-out loss after update ${after}`;
    if (line === undefined) {
      throw new Error(`${where} is missing: that of ${what}, which the checkpoint beside it has; ${remedy}`);
    }
    let json: unknown;
    try {
      json = parseJson(line);
    } catch (error) {
      throw new Error(`${where} is damaged (${(error as Error).message}); ${remedy}`);
    }
    checkFields(kind === 'update' ? UPDATE : LOOK, json, where, remedy);
    const record = json as StepRecord;
    if (record.step !== after) {
      throw new Error(`${where}: "step" must be ${after}, that of ${what}, got ${record.step}; ${remedy}`);
    }
    records.push(record);
  };
  for (let done = 0; done <= step; done++) {
    if (done > 0) take('update', done);
    if (looksAfter(done)) take('look', done);
  }
  await writeFileAtomic(path, records.map((r) => `${JSON.stringify(r)}\n`).join(''));
  return records;
}

export const appendLog = (path: string, record: StepRecord): Promise<void> => appendLine(path, JSON.stringify(record));

/** Brings a log's lines to the disk: a checkpoint must not outlive the lines of its updates. */
export async function syncLog(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
