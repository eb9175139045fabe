import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kernel, type Kind, ROOT, startKernel } from './kernel-client';
import { runCli } from './run-cli';

/** There is one copy of each variable: a function sees what a later cell made of the names it uses. */

const kernels = {} as Record<Kind, Kernel>;
beforeAll(async () => {
  [kernels.ours, kernels['stock tslab']] = await Promise.all([startKernel('ours'), startKernel('stock tslab')]);
});
afterAll(() => {
  for (const kernel of Object.values(kernels)) kernel.stop();
});

/** Runs cells of which all must succeed but those that throw on purpose; what the last one ended with or printed. */
async function lastOf(kernel: Kernel, cells: readonly string[]): Promise<string> {
  let last = '';
  for (const code of cells) {
    const { reply, result, printed } = await kernel.run(code);
    if (reply.status !== 'ok' && !code.includes('throw')) throw new Error(`${code}\n${printed}${reply.evalue ?? ''}`);
    last = (result ?? printed).trim();
  }
  return last;
}

describe('a function of an earlier cell sees, and on stock tslab does not,', () => {
  it.each<[what: string, cells: string[], value: string]>([
    ['a new value', ['let rate = 1; const show = () => rate; show()', 'rate = 2; show()'], '2'],
    ['what it counts and others reset', ['let n = 0; const inc = () => ++n; inc()', 'n = 10', 'inc(); n'], '11'],
    ['a variable declared again', ['let m = 1; const readM = () => m;', 'let m = 5; readM()'], '5'],
    ['a constant declared again', ['const k = 1; const readK = () => k;', "const k = 'two'; readK()"], 'two'],
    [
      'a function declared again',
      ['function f() { return 1 }\nfunction g() { return f() }', 'function f() { return 2 }', 'g()'],
      '2',
    ],
    [
      'a constant arrow declared again',
      ['const ar = () => 1; const callsAr = () => ar();', 'const ar = () => 2;', 'callsAr()'],
      '2',
    ],
    [
      'a class declared again',
      [
        "class P { say() { return 'old' } }\nconst make = () => new P().say();",
        "class P { say() { return 'new' } }",
        'make()',
      ],
      'new',
    ],
    ['an enum declared again', ['enum E { A = 1 }\nconst a = () => E.A;', 'enum E { A = 5 }', 'a()'], '5'],
    [
      'what is taken apart again',
      [
        'const [p, { q, ...rest }, r = 7] = [1, { q: 2, x: 3 }] as any; const all = () => [p, q, rest, r];',
        'const { p, q = 8, inner: [r] } = { p: 9, inner: new Set([4]) } as any;',
        'all()',
      ],
      '[ 9, 8, { x: 3 }, 4 ]',
    ],
    [
      'a name that was imported',
      ["import { EOL as end } from 'node:os';\nconst size = () => end.length;", "const end = 'four';", 'size()'],
      '4',
    ],
    [
      'a module that was imported',
      [
        "import * as path from 'node:path';\nconst sep = () => (path as any).sep;",
        "const path = { sep: '|' };",
        'sep()',
      ],
      '|',
    ],
    [
      'a default that was imported',
      [
        "import fs from 'node:fs';\nconst there = () => fs.existsSync('no');",
        "const fs = { existsSync: () => 'mine' };",
        'there()',
      ],
      'mine',
    ],
    [
      'what a cell that awaits assigns',
      [
        'let v = await Promise.resolve(5); const readV = async () => v;',
        'v = await Promise.resolve(6);',
        'await readV()',
      ],
      '6',
    ],
    [
      'what it swaps',
      ['let x = 1, y = 2; const swap = () => { [x, y] = [y, x] };', 'x = 9; swap(); [x, y]'],
      '[ 2, 9 ]',
    ],
    [
      'a variable with no value',
      ['let u = 3; const readU = () => String(u);', 'let u: number;', 'readU()'],
      'undefined',
    ],
    [
      'a variable of a type of its own',
      [
        'type T = { x: number }; const t: T = { x: 1 }; const readT = () => t;',
        "type T = string; const t: T = 's';",
        'readT()',
      ],
      's',
    ],
    ['names of other letters', ['let größe = 1; const lies = () => größe;', 'größe = 2; lies()'], '2'],
  ])('%s', async (_, cells, value) => {
    expect(await lastOf(kernels.ours, cells)).toBe(value);
    const stock = await lastOf(kernels['stock tslab'], cells).catch((error: Error) => error.message);
    expect(stock, 'stock tslab has this fault').not.toBe(value);
  });
});

describe('a cell', () => {
  it.each<[what: string, cells: string[], value: string]>([
    [
      'keeps a loop’s own variable to each round',
      ['const fs3 = []; for (let i = 0; i < 3; i++) fs3.push(() => i);', 'fs3.map((f) => f())'],
      '[ 0, 1, 2 ]',
    ],
    [
      'tells a variable from one of an inner scope',
      ['let s = 1; const inner = (s: number) => { { let s = 7; s++ } return s };', 's = 3; [inner(4), s]'],
      '[ 4, 3 ]',
    ],
    [
      'calls what it declares further down',
      ['const early = late(); function late() { return typeof late }', 'early'],
      'function',
    ],
    [
      'names functions and classes',
      ['const n1 = () => 1; async function n2() {}\nclass N3 {}\n[n1.name, n2.name, N3.name]'],
      "[ 'n1', 'n2', 'N3' ]",
    ],
    [
      'that throws leaves what it did not come to',
      ['let held = 1; const readHeld = () => held;', 'throw new Error(); let held = 2;', 'readHeld()'],
      '1',
    ],
    [
      'that throws keeps what it assigned',
      ['let set = 1; const readSet = () => set;', 'set = 2; throw new Error();', 'readSet()'],
      '2',
    ],
    [
      'of generators and decorated classes',
      [
        'function* gen() { yield 1 }\n@((c: any) => c) class D { static n = 2 }\nconst both = () => [...gen(), D.n];',
        'both()',
      ],
      '[ 1, 2 ]',
    ],
    [
      'of sixty variables',
      [
        Array.from({ length: 60 }, (_, i) => `let v${i} = ${i};`).join(' '),
        'const sum = () => v0 + v49 + v50 + v59;',
        'v50 = 100; sum()',
      ],
      '208',
    ],
    [
      'that ends with an assignment of void',
      ['let gone = 1; const readGone = () => gone;', 'gone = void 0', 'String(readGone())'],
      'undefined',
    ],
    [
      'that assigns void, and a text equal to the name, and declares nothing',
      [
        "let one = 1, two = 'b'; const readTwo = () => [one, two];",
        "one = void 0; two = 'two'; if (two) {}",
        'readTwo()',
      ],
      "[ undefined, 'two' ]",
    ],
  ])('%s', async (_, cells, value) => {
    expect(await lastOf(kernels.ours, cells)).toBe(value);
  });

  it('adds up ten million numbers in seconds', async () => {
    const began = performance.now();
    expect(await lastOf(kernels.ours, ['let total = 0; for (let i = 0; i < 1e7; i++) total += i; total'])).toBe(
      '49999995000000',
    );
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

describe('tslab.display', () => {
  it('shows under the cell', async () => {
    const { reply, published } = await kernels.ours.run(
      [
        "import * as tslab from 'tslab';",
        "tslab.display.html('<b>bold</b>');",
        "tslab.display.text('plain'); tslab.display.markdown('*'); tslab.display.javascript('1');",
        "tslab.display.svg('<svg/>'); tslab.display.png(new Uint8Array([1, 2]));",
        "const once = tslab.newDisplay(); once.text('1'); once.text('2');",
      ].join('\n'),
    );
    expect(reply.status).toBe('ok');
    const shown = published.filter(({ type }) => /display_data$/.test(type));
    expect(shown.map(({ type, content }) => [type, content.data])).toEqual([
      ['display_data', { 'text/html': '<b>bold</b>' }],
      ['display_data', { 'text/plain': 'plain' }],
      ['display_data', { 'text/markdown': '*' }],
      ['display_data', { 'text/javascript': '1' }],
      ['display_data', { 'image/svg+xml': '<svg/>' }],
      ['display_data', { 'image/png': 'AQI=' }],
      ['display_data', { 'text/plain': '1' }],
      ['update_display_data', { 'text/plain': '2' }],
    ]);
    const [first, second] = shown.slice(-2).map(({ content }) => content.transient.display_id);
    expect(first).toBe(second);
  });
});

const MAKE = join(ROOT, '../shared/cases/20-kernel/make.mjs');
if (!existsSync(MAKE)) console.warn(`the kernel's case 20 skipped: ${MAKE} is not there`);
describe.skipIf(!existsSync(MAKE))('case 20', () => {
  const folder = mkdtempSync(join(tmpdir(), 'case-20-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['01-rate', { 'text/plain': ['2'] }],
    ['02-tslab', { 'text/html': ['<b>bold</b>'] }],
  ])('%s', (name, data) => {
    execFileSync(process.execPath, [MAKE, folder]);
    expect(runCli('--folder', join(folder, 'notebooks'), name.slice(0, 2))).toMatchObject({ status: 0 });
    const { cells } = JSON.parse(readFileSync(join(folder, 'notebooks', `${name}.ipynb`), 'utf8'));
    expect(cells.at(-1).outputs[0].data).toEqual(data);
  });
});
