import { shown } from '../schema';

/** What a run was begun with, as its config.json has it: from a file, so of any form. */
export interface Begun {
  readonly config?: unknown;
  readonly device?: unknown;
  /** Of the rows and items, by their paths inside the data folder. */
  readonly files?: unknown;
  readonly modelHash?: unknown;
}

/** Differences that are named; the rest is counted. */
const NAMED = 4;

/** Follows from other settings, and is none that people give. */
const DERIVED = /^(?:full\.lora\.|controlled)/;

/** In words, what of a run is another than it was; '' where its file does not tell. */
export function runDifferences(before: Begun, now: Begun): string {
  const all = [
    ...changes(
      flat({ ...(before.config as object), device: before.device }),
      flat({ ...(now.config as object), device: now.device }),
    ).map(([name, was, is]) => `${name} was ${was ?? 'not given'}, is ${is ?? 'not given'}`),
    ...(before.files === undefined
      ? []
      : changes(hashes(before.files), hashes(now.files)).map(
          ([path, was, is]) => `${path} is ${was === undefined ? 'new' : is === undefined ? 'gone' : 'changed'}`,
        )),
    ...(before.modelHash === undefined || before.modelHash === now.modelHash ? [] : ['the model’s weights are others']),
  ];
  const more = all.length > NAMED ? [`${all.length - NAMED} more`] : [];
  return [...all.slice(0, NAMED), ...more].join('; ');
}

/** Names whose values differ, with both values. */
function changes(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): [name: string, was: string | undefined, is: string | undefined][] {
  const names = [...new Set([...before.keys(), ...now.keys()])];
  return names
    .filter((name) => before.get(name) !== now.get(name))
    .map((name) => [name, before.get(name), now.get(name)]);
}

/** Each value under its dotted name: 'lora.learningRate'. */
function flat(value: unknown, name = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[name, shown(value)]]);
  const inner = Object.entries(value).flatMap(([key, one]) => [...flat(one, name === '' ? key : `${name}.${key}`)]);
  return new Map(
    inner.filter(([one]) => !DERIVED.test(one)).map(([one, text]) => [one.replace('lora.lora.', 'lora.'), text]),
  );
}

function hashes(files: unknown): Map<string, string> {
  if (!Array.isArray(files)) return new Map();
  return new Map(files.map((file) => [String(file?.path), String(file?.sha256)]));
}
