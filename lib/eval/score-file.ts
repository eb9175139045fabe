import { appendLine, writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { parseJson, readTextIfThere } from '../json-file';
import { shown } from '../schema';
import type { ItemResult } from './item-result';

/** Of the file's lines: those of another form are not read as if they were these. */
const FORMAT = 2;

/** Item results on disk, each written as soon as it is there: what a kill leaves is kept. */
export interface ScoreFile {
  /** Results of earlier starts. */
  readonly known: readonly ItemResult[];
  append(result: ItemResult): Promise<void>;
}

/**
 * Opens or begins a file of item results as JSON lines; the first line says whose they are. A last line that a kill cut
 * short is dropped. Each line ends with a check of itself and all lines before it.
 *
 * @param identity of weights, items and options: results of others do not mix
 * @throws when the file holds another run's results, is of another version, or a line is not as it was written
 */
export async function openScoreFile(path: string, identity: string): Promise<ScoreFile> {
  const text = (await readTextIfThere(path, 'score')) ?? '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const [first, ...results] = whole
    .split('\n')
    .slice(0, -1)
    .map((line, i) => parseLine(line, `${path} line ${i + 1}`));
  if (first && first.format !== FORMAT) {
    throw new Error(
      `score: ${path} line 1 must have "format" ${FORMAT}, got ${JSON.stringify(first.format)}: another version of this ` +
        'workbook wrote it, or something else did; choose another --out, or delete it',
    );
  }
  if (first && first.identity !== identity) {
    throw new Error(
      `score: ${path} holds the results of another model, other items or other options; choose another --out, or delete it`,
    );
  }
  let last = checkOf('', { format: FORMAT, identity });
  const known = results.map(({ check, ...result }, i) => {
    last = checkOf(last, result);
    if (check === last) return result as unknown as ItemResult;
    throw new Error(
      `score: ${path} line ${i + 2} is not as it was written, or a line before it is missing ("check"); delete the file ` +
        'and score again',
    );
  });
  if (whole !== text || !first)
    await writeFileAtomic(path, whole || `${JSON.stringify({ format: FORMAT, identity })}\n`);
  return {
    known,
    append: (result) => {
      last = checkOf(last, result);
      return appendLine(path, JSON.stringify({ ...result, check: last }));
    },
  };
}

/** Of a line, and of the check before it: a line that was changed, taken out or moved is noticed. */
const checkOf = (before: string, line: object): string => hashOf([before, line]).slice(0, 16);

function parseLine(line: string, place: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = parseJson(line);
  } catch (error) {
    throw new Error(`score: ${place} is not JSON (${(error as Error).message}); delete the file`);
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new Error(`score: ${place} must be an object, got ${shown(json)}; delete the file`);
}
