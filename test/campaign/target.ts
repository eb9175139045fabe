import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Mutated } from './mutate';

/** The workbook, from dist/with-campaign/test/campaign. */
export const ROOT = resolve(__dirname, '..', '..', '..', '..');
export const DATA = resolve(ROOT, 'data', 'miniature');

/** One kind of file, what reads it, and what must hold of whatever is read. */
export interface Target {
  readonly name: string;
  /** The file that is changed, inside the case's folder. */
  readonly file: string;
  /** Writes a good folder; gives the path of `file` in it where that is known only then. */
  readonly prepare: (folder: string) => Promise<void> | Promise<string>;
  readonly mutate: (content: Buffer, seed: number) => Mutated;
  /** Nothing else can lie in the file's place: it comes over the network, or what is there was looked at before. */
  readonly isAlwaysFile?: boolean;
  /** How a refusal calls it, where that is not the file's name. */
  readonly calledAs?: string;
  /** Reads the folder as the workbook does. */
  readonly run: (folder: string) => Promise<unknown>;
  /** What is wrong with what was read, beside what the good folder gave; undefined where it is sane. */
  readonly wrong: (value: unknown, before: unknown) => string | undefined;
}

export const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);
