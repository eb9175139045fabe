import { join } from 'node:path';
import * as v from 'valibot';
import { looseFields, readFields, record, text, whole } from '../schema';

/** What a trainer of another make writes beside the weights that it trained; train.py of a hand-off does. */
export const TRAINER_FILE = 'trainer.json';

/** They stand in tables and in the report's head. */
const short = v.pipe(text, v.maxLength(200, 'a text of 200 characters at most'));

const TRAINER = looseFields({
  trainer: short,
  packages: record(short, 'an object of versions'),
  sharding: short,
  processes: whole(1, 2 ** 31 - 1),
  precision: short,
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
