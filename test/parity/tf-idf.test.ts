import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nearestByTfIdf, type TfIdfOptions } from '../../lib/decontaminate/tf-idf';
import { pythonReady } from './python';

interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: {
    readonly name: string;
    readonly items: string[];
    readonly rows: string[];
    readonly options: TfIdfOptions;
    readonly nearest: number[];
  }[];
}

const peer = JSON.parse(readFileSync(join(__dirname, 'fixtures', 'tf-idf.json'), 'utf8')) as Peer;

describe("TF-IDF is scikit-learn's TfidfVectorizer", () => {
  it.each(peer.cases)('$name', ({ items, rows, options, nearest }) => {
    const { cosines } = nearestByTfIdf(items, rows, 1, options);
    expect(nearest.some((cosine) => cosine > 0.2 && cosine < 0.9)).toBe(true);
    for (const [i, cosine] of nearest.entries()) expect(cosines[i], items[i]).toBeCloseTo(cosine, 9);
  });
});

describe.skipIf(!pythonReady)('run again', () => {
  it('scikit-learn gives what is written', () => {
    const python = resolve(__dirname, '..', '..', '.venv-parity', 'bin', 'python');
    const again = JSON.parse(execFileSync(python, [join(__dirname, 'tf_idf_reference.py')]).toString()) as Peer;
    expect(again.versions['scikit-learn']).toBe(peer.versions['scikit-learn']);
    expect(again.cases.map(({ name, items, rows }) => ({ name, items, rows }))).toEqual(
      peer.cases.map(({ name, items, rows }) => ({ name, items, rows })),
    );
    for (const [c, { nearest }] of peer.cases.entries()) {
      for (const [i, cosine] of nearest.entries()) expect(again.cases[c]!.nearest[i]).toBeCloseTo(cosine, 9);
    }
  });
});
