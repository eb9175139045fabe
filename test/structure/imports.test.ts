import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/** lib/'s imports go one way, between its rooms and between its files. */

const LIB = join(__dirname, '../../lib');

/**
 * What each room may import of lib/ beside itself. Files directly under lib/ are rooms of their own name.
 *
 *     config, random, files, json-file, schema, hash, escape, lock -> statistics, paper, engine -> data -> model
 *       -> train, eval, decontaminate -> compare -> draw, report, miniature -> run -> notebook, cli
 */
const GROUND = ['config', 'random', 'files', 'json-file', 'schema', 'hash', 'escape', 'lock'];
const STAGES = ['statistics', 'paper', 'engine', 'data', 'model', 'train', 'eval', 'decontaminate'];
const SHOWN = ['compare', 'draw', 'report'];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  config: [],
  random: [],
  files: [],
  'json-file': ['files'],
  schema: ['json-file'],
  hash: [],
  escape: [],
  lock: ['files'],
  statistics: GROUND,
  engine: GROUND,
  paper: ['config', 'statistics'],
  data: [...GROUND, 'paper'],
  model: [...GROUND, 'engine'],
  train: [...GROUND, 'engine', 'data', 'model'],
  eval: [...GROUND, 'statistics', 'engine', 'data', 'model'],
  decontaminate: [...GROUND, 'statistics', 'engine', 'data', 'model'],
  plan: [...GROUND, 'paper', 'engine', 'model', 'train'],
  compare: [...GROUND, ...STAGES],
  draw: GROUND,
  report: [...GROUND, ...STAGES, 'compare', 'draw'],
  miniature: [...GROUND, ...STAGES, 'compare'],
  run: [...GROUND, ...STAGES, ...SHOWN, 'miniature'],
  notebook: [...GROUND, ...STAGES, ...SHOWN, 'run'],
  cli: [...GROUND, ...STAGES, ...SHOWN, 'plan', 'miniature', 'run', 'notebook'],
  index: [...GROUND, ...STAGES, ...SHOWN, 'plan', 'miniature', 'run', 'notebook'],
};

interface Import {
  readonly file: string;
  readonly from: string;
  /** Gone when compiled: `import type`. It counts for the rooms, not for cycles between files. */
  readonly typeOnly: boolean;
}

/** Imports and re-exports of a source text. */
function importsOf(file: string, source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const statement = /\b(?:import|export)\s+(type\s+)?(?:[\w*{][^;'"]*?\s+from\s+)?['"]([^'"]+)['"]/g;
  const call = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [
    ...[...code.matchAll(statement)].map((m) => ({
      file,
      from: m[2]!,
      typeOnly: m[1] !== undefined || onlyTypes(m[0]),
    })),
    ...[...code.matchAll(call)].map((m) => ({ file, from: m[1]!, typeOnly: false })),
  ];
}

/** `import { type A, type B } from`: every name is a type. */
function onlyTypes(statement: string): boolean {
  const [, names = 'all'] = /\{([^}]*)\}/.exec(statement) ?? [];
  return names.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '));
}

/** lib/-relative path without extension: "engine/graph". */
function targetOf({ file, from }: Import): string | undefined {
  return from.startsWith('.') ? relative(LIB, join(LIB, dirname(file), from)) : undefined;
}

const roomOf = (file: string): string => file.split('/')[0]!;

function wrongRooms(imports: readonly Import[]): string[] {
  return imports.flatMap((i) => {
    const target = targetOf(i);
    if (target === undefined) return [];
    const [own, other] = [roomOf(i.file), roomOf(target)];
    if (target.startsWith('..')) return [`lib/${i.file}.ts imports ${i.from}, outside lib/`];
    if (!(own in ALLOWED)) return [`lib/${i.file}.ts is in a room that test/structure/imports.test.ts does not know`];
    if (own === other || ALLOWED[own]!.includes(other)) return [];
    return [`lib/${i.file}.ts imports ${i.from}: ${own} may import ${ALLOWED[own]!.join(', ') || 'nothing of lib/'}`];
  });
}

/** Each cycle once, as "a -> b -> a". */
function cycles(imports: readonly Import[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const i of imports) {
    const target = targetOf(i);
    if (target !== undefined && !i.typeOnly) edges.set(i.file, (edges.get(i.file) ?? new Set()).add(target));
  }
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      const loop = path.slice(at);
      const first = loop.indexOf([...loop].sort()[0]!);
      found.add([...loop.slice(first), ...loop.slice(0, first), loop[first]!].join(' -> '));
    } else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) walk(next, [...path, file]);
      done.add(file);
    }
  };
  for (const file of edges.keys()) walk(file, []);
  return [...found];
}

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
  .map((f) => f.replace(/\\/g, '/').replace(/\.ts$/, ''));
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(LIB, `${file}.ts`), 'utf8')));

describe('lib', () => {
  test('is read whole', () => {
    expect(files).toContain('engine/compile');
    expect(imports).toContainEqual({ file: 'engine/compile', from: './program', typeOnly: true });
    const unknown = imports.filter((i) => targetOf(i) !== undefined && !exists(targetOf(i)!));
    expect(unknown, 'imports of files that are not there').toEqual([]);
  });

  test('imports go one way between the rooms', () => {
    expect(wrongRooms(imports)).toEqual([]);
  });

  test('no file imports itself through others', () => {
    expect(cycles(imports)).toEqual([]);
  });

  test('only the engine loads ONNX Runtime, in one place, its telemetry switched off before', () => {
    const loads = imports.filter((i) => /^onnxruntime/.test(i.from)).map((i) => `lib/${i.file}.ts imports ${i.from}`);
    expect(new Set(loads)).toEqual(new Set(['lib/engine/onnx/ort.ts imports onnxruntime-node']));
    const inOrder = imports.filter((i) => i.file === 'engine/onnx/ort').map((i) => i.from);
    expect([...new Set(inOrder)]).toEqual(['./no-telemetry', 'onnxruntime-node']);
  });

  test('only one file loads @huggingface/transformers, which loads ONNX Runtime, after the same switch', () => {
    const loads = imports.filter((i) => i.from.startsWith('@huggingface/transformers') && !i.typeOnly);
    expect(loads.map((i) => i.file)).toEqual(['decontaminate/transformers']);
    const inOrder = imports.filter((i) => i.file === 'decontaminate/transformers' && !i.typeOnly).map((i) => i.from);
    expect(inOrder[0]).toBe('../engine/onnx/no-telemetry');
  });
});

test('no file of lib/ is longer than a reader can hold: 250 lines', () => {
  const lines = (file: string) => readFileSync(join(LIB, `${file}.ts`), 'utf8').split('\n').length - 1;
  expect(files.map((file) => `${file}: ${lines(file)}`).filter((one) => Number(one.split(': ')[1]) > 250)).toEqual([]);
});

test('the map of lib/ names every room', () => {
  const map = readFileSync(join(LIB, 'README.md'), 'utf8');
  expect([...new Set(files.map(roomOf))].filter((room) => !new RegExp(`\\b${room}\\b`).test(map))).toEqual([]);
});

const exists = (target: string): boolean => files.includes(target) || files.includes(`${target}/index`);

describe('the check itself', () => {
  const one = (file: string, source: string) => importsOf(file, source);

  test('reads every form of import', () => {
    const source = [
      "import '../data/a';",
      "import b from '../data/b';",
      "import * as c from '../data/c';",
      "import {\n  d,\n  type D,\n} from '../data/d';",
      "import type { E } from '../data/e';",
      "import { type F } from '../data/f';",
      "export * from '../data/g';",
      "export { h } from '../data/h';",
      "const i = await import('../data/i');",
      "const j = require('../data/j');",
      "// import k from '../data/k';",
      "/* import l from '../data/l'; */",
    ].join('\n');
    const read = one('model/x', source);
    expect(read.map((i) => i.from.at(-1)).join('')).toBe('abcdefghij');
    expect(read.filter((i) => i.typeOnly).map((i) => i.from.at(-1))).toEqual(['e', 'f']);
  });

  test('names file and import', () => {
    expect(wrongRooms(one('model/x', "import { y } from '../train/loss';"))).toEqual([
      'lib/model/x.ts imports ../train/loss: model may import config, random, files, json-file, schema, hash, escape, lock, engine',
    ]);
    expect(wrongRooms(one('engine/x', "import type { Y } from '../data/rows';"))).toHaveLength(1);
    expect(wrongRooms(one('random', "import { y } from './config';"))).toEqual([
      'lib/random.ts imports ./config: random may import nothing of lib/',
    ]);
    expect(wrongRooms(one('train/x', "import { y } from '../model/llama'; import { z } from './loss';"))).toEqual([]);
    expect(wrongRooms(one('attic/x', "import { y } from '../config';"))[0]).toContain('lib/attic/x.ts is in a room');
  });

  test('finds cycles, not those of types alone', () => {
    const a = one('data/a', "import { b } from './b';");
    const b = one('data/b', "import { c } from './c';");
    expect(cycles([...a, ...b, ...one('data/c', "import { a } from './a';")])).toEqual([
      'data/a -> data/b -> data/c -> data/a',
    ]);
    expect(cycles([...a, ...b, ...one('data/c', "import type { A } from './a';")])).toEqual([]);
  });
});
