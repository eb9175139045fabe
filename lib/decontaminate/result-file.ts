import { join } from 'node:path';
import { writeFileAtomic } from '../files';
import { readVersionedJson } from '../json-file';
import type { Decontamination } from './record';
import { checkDecontamination } from './result-schema';

/** What was found, in a run's folder and in that of the command alone. */
export const DECONTAMINATION_FILE = 'decontamination.json';

/** The form of the file; another form is refused, never guessed at. */
const VERSION = 1;

export interface DecontaminationResult {
  /** Of what was compared: equal texts searched by equal detectors have one identity. */
  readonly identity: string;
  /** One for each detector, the one that scores are cleaned by first. */
  readonly methods: readonly Decontamination[];
}

/** Writes `decontamination.json` into `folder`. */
export async function writeDecontamination(
  folder: string,
  { identity, methods }: DecontaminationResult,
): Promise<void> {
  const text = JSON.stringify({ version: VERSION, identity, methods }, null, 1);
  await writeFileAtomic(join(folder, DECONTAMINATION_FILE), `${text}\n`);
}

/**
 * What `writeDecontamination` wrote, or its recorded copy; undefined where there is none.
 *
 * @throws when the file is damaged, or of another form
 */
export async function readDecontamination(folder: string): Promise<DecontaminationResult | undefined> {
  const file = join(folder, DECONTAMINATION_FILE);
  const json = await readVersionedJson(file, VERSION);
  return json === undefined ? undefined : checkDecontamination(json, file);
}
