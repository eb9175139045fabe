import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a trainer of another make writes beside the weights that it trained; train.py of a hand-off does. */
export const TRAINER_FILE = 'trainer.json';

interface Trainer {
  readonly trainer?: unknown;
  readonly packages?: Readonly<Record<string, unknown>>;
  readonly sharding?: unknown;
  readonly processes?: unknown;
  readonly precision?: unknown;
}

/**
 * Who trained a folder, where it was not this workbook: "transformers.Trainer 5.23.0 (FSDP2, 16 processes, bf16)".
 *
 * @returns undefined where the folder does not say
 */
export async function trainerOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, TRAINER_FILE), 'utf8').catch(() => undefined);
  let read: Trainer | undefined;
  try {
    read = text === undefined ? undefined : (JSON.parse(text) as Trainer);
  } catch {
    return undefined;
  }
  if (typeof read?.trainer !== 'string') return undefined;
  const version = read.packages?.[read.trainer.split('.')[0]!];
  const how = [read.sharding, read.processes && `${read.processes} processes`, read.precision].filter(Boolean);
  return [read.trainer, version, how.length > 0 ? `(${how.join(', ')})` : undefined].filter(Boolean).join(' ');
}
