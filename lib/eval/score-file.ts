import { readFile } from 'node:fs/promises';
import { appendLine, writeFileAtomic } from '../files';
import type { ItemResult } from './item-result';

/** Of the file's lines: those of another form are not read as if they were these. */
const FORMAT = 1;

/** Item results on disk, each written as soon as it is there: what a kill leaves is kept. */
export interface ScoreFile {
  /** Results of earlier starts. */
  readonly known: readonly ItemResult[];
  append(result: ItemResult): Promise<void>;
}

/**
 * Opens or begins a file of item results as JSON lines; the first line says whose they are. A last line that a kill cut
 * short is dropped.
 *
 * @param identity of weights, items and options: results of others do not mix
 * @throws when the file holds another run's results, is of another version, or a line in its midst is broken
 */
export async function openScoreFile(path: string, identity: string): Promise<ScoreFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  const parsed = lines.map((line, i): unknown => {
    try {
      return JSON.parse(line);
    } catch (error) {
      throw new Error(`score: ${path} line ${i + 1} is not JSON (${(error as Error).message}); delete the file`);
    }
  });
  const [first, ...results] = parsed as [{ format?: unknown; identity?: string } | undefined, ...ItemResult[]];
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
  if (whole !== text || !first)
    await writeFileAtomic(path, whole || `${JSON.stringify({ format: FORMAT, identity })}\n`);
  return { known: results, append: (result) => appendLine(path, JSON.stringify(result)) };
}
