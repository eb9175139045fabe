import { oneCopy } from './one-copy';
import type { Converter, ConvertResult } from './tslab';
import { compiler, type Node, statementsOf } from './tslab';

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * tslab's converter, mended:
 *
 * - `await (x)`, `await [x]`, `for await` outside functions: tslab takes a cell for one that awaits when its compiler
 *   complained of an `await`, and it does not of these. A cell that has the word is run as an async function.
 * - `const m = await import('x')`: the type of `m` cannot be named in tslab's declarations; it is written beside it.
 * - `{ a }` with an `a` of an earlier cell, and `const { a: b } = ...` with an object of one: tslab turns names of
 *   earlier cells into `exports.a`, and does not see the first, and takes the second for one. They are written out.
 * - A function of an earlier cell reads its own copy of a variable that a later cell assigns: see `oneCopy`.
 * - Where a type cannot be named otherwise, the message says what to write.
 */
export function mendConverter(stock: Converter): Converter {
  return {
    ...stock,
    convert: (declarations, source) => {
      const insertions = insertionsFor(source);
      const result = stock.convert(declarations, insert(source, insertions));
      return {
        ...result,
        ...(result.output && { output: oneCopy(result.output) }),
        hasToplevelAwait: result.hasToplevelAwait === true || /\bawait\b/.test(source),
        diagnostics: result.diagnostics.map((diagnostic) => withHelp(movedBack(diagnostic, source, insertions))),
      };
    },
  };
}

/** In the order of the text. */
function insertionsFor(source: string): Insertion[] {
  const { statements, offset } = statementsOf(source);
  const found: Insertion[] = [];
  const add = (at: number, text: string) => found.push({ at: at - offset, text });
  const walk = (node: Node): void => {
    const { BindingElement, Identifier, ShorthandPropertyAssignment } = compiler.SyntaxKind;
    if (node.kind === ShorthandPropertyAssignment) add(node.name!.end, `: ${node.name!.text}`);
    if (node.kind === BindingElement && node.propertyName?.kind === Identifier) {
      add(node.propertyName.getStart(), "'");
      add(node.propertyName.end, "'");
    }
    compiler.forEachChild(node, walk);
  };
  for (const statement of statements) {
    for (const declaration of statement.declarationList?.declarations ?? []) {
      const module = importedModule(declaration);
      if (module !== undefined) add(declaration.name!.end, `: typeof import(${JSON.stringify(module)})`);
    }
    walk(statement);
  }
  return found.sort((a, b) => a.at - b.at);
}

/** Of `m = await import("x")`: "x". */
function importedModule({ name, type, initializer }: Node): string | undefined {
  const { AwaitExpression, Identifier, ImportKeyword, StringLiteral } = compiler.SyntaxKind;
  if (type || name?.kind !== Identifier || initializer?.kind !== AwaitExpression) return undefined;
  const call = initializer.expression;
  const [from] = call?.arguments ?? [];
  return call?.expression?.kind === ImportKeyword && from?.kind === StringLiteral ? from.text : undefined;
}

function insert(source: string, insertions: readonly Insertion[]): string {
  let mended = source;
  for (const { at, text } of [...insertions].reverse()) mended = mended.slice(0, at) + text + mended.slice(at);
  return mended;
}

type Diagnostic = ConvertResult['diagnostics'][number];

/** The places of a complaint, as the reader's own text has them. */
function movedBack(diagnostic: Diagnostic, source: string, insertions: readonly Insertion[]): Diagnostic {
  if (insertions.length === 0 || diagnostic.fileName) return diagnostic;
  const back = (place: Diagnostic['start']): Diagnostic['start'] => {
    let { offset } = place;
    for (const { at, text } of insertions) {
      if (offset > at) offset = Math.max(at, offset - text.length);
    }
    const before = source.slice(0, offset).split('\n');
    return { offset, line: before.length - 1, character: before.at(-1)!.length };
  };
  return { ...diagnostic, start: back(diagnostic.start), end: back(diagnostic.end) };
}

/** 2742, 4023 and their like: the type of an exported name cannot be written down. */
const UNNAMEABLE = new Set([2742, 4023, 4025, 4058, 4060, 4082]);
const CANNOT_FIND_MODULE = 2307;

function withHelp(diagnostic: Diagnostic): Diagnostic {
  const { code, messageText } = diagnostic;
  if (UNNAMEABLE.has(code)) {
    return {
      ...diagnostic,
      messageText: `${messageText}\nA cell's variables need a type that can be written down: give it one (const x: T = ...), or take apart what you need (const { a, b } = ...).`,
    };
  }
  if (code === CANNOT_FIND_MODULE && /'\.\.?\//.test(messageText)) {
    return {
      ...diagnostic,
      messageText: `${messageText}\nCells run in the workbook's folder, and the library is imported by its name: import * as med42 from 'med42-workbook'.`,
    };
  }
  return diagnostic;
}
