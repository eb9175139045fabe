import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * A lockfile that npm wrote beside an installed node_modules, or against a registry that lacked a package, can want
 * hashes or other platforms' packages; `npm ci` of npm 11 then fails on every machine.
 * Mend it without node_modules: `npm install --package-lock-only`.
 */
interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const FILE = join(__dirname, '..', '..', 'package-lock.json');
const packages = JSON.parse(readFileSync(FILE, 'utf8')).packages as Readonly<Record<string, Locked>>;
const installed = Object.entries(packages).filter(([path]) => path !== '');

test('every package has its version and its hash', () => {
  expect(installed.length).toBeGreaterThan(100);
  expect(installed.filter(([, p]) => !p.version || !p.integrity).map(([path]) => path)).toEqual([]);
});

test('every dependency is there, those of other platforms too', () => {
  /** Node's own search: beside the package, then in each folder above. */
  const found = (from: string, name: string): boolean => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]) return true;
      if (at === '') return false;
    }
  };
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !found(path, name))
      .map((name) => `${name} of ${path}`),
  );
  expect(missing).toEqual([]);
});
