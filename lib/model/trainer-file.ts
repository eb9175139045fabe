import { join } from 'node:path';
import { looseFields, readFields, record, text, whole } from '../schema';

/** What a trainer of another make writes beside the weights that it trained; train.py of a hand-off does. */
export const TRAINER_FILE = 'trainer.json';

const TRAINER = looseFields({
  trainer: text,
  packages: record(text, 'an object of versions'),
  sharding: text,
  processes: whole(1, 2 ** 31 - 1),
  precision: text,
});

/**
 * Who trained a folder, where it was not this workbook: "transformers.Trainer 5.23.0 (FSDP2, 16 processes, bf16)".
 *
 * @returns undefined where the folder does not say
 */
export async function trainerOf(folder: string): Promise<string | undefined> {
  // Another program's file of that name says nothing here.
  const read = await readFields(TRAINER, join(folder, TRAINER_FILE), 'model', '').catch(() => undefined);
  if (!read?.trainer) return undefined;
  const version = read.packages?.[read.trainer.split('.')[0]!];
  const how = [read.sharding, read.processes && `${read.processes} processes`, read.precision].filter(Boolean);
  return [read.trainer, version, how.length > 0 ? `(${how.join(', ')})` : undefined].filter(Boolean).join(' ');
}
