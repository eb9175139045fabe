import { readFile } from 'node:fs/promises';
import { appendLine, writeFileAtomic } from '../files';

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
  readonly tokens?: number;
  readonly seconds?: number;
  readonly heldOutLoss?: number;
}

/** Cuts a log back to what a checkpoint knows: lines after it, and a line cut short by a kill, are dropped. */
export async function rewindLog(path: string, step: number): Promise<StepRecord[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const records: StepRecord[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const record = JSON.parse(line) as StepRecord;
    if (record.step <= step) records.push(record);
  }
  await writeFileAtomic(path, records.map((r) => `${JSON.stringify(r)}\n`).join(''));
  return records;
}

export const appendLog = (path: string, record: StepRecord): Promise<void> => appendLine(path, JSON.stringify(record));
