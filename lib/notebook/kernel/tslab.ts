import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Executor } from 'tslab/dist/executor';
import type { ZmqServer as StockServer } from 'tslab/dist/jupyter';
import * as jupyter from 'tslab/dist/jupyter';

/**
 * tslab 1.0.22, whose modules the kernel is built from. It has no `exports` field, so that they can be imported; none of
 * its files is changed.
 */
export { type Converter, type ConvertResult, createConverter } from 'tslab/dist/converter';
export { type ConverterSet, createExecutor, type Executor } from 'tslab/dist/executor';
export { JupyterHandlerImpl, ZmqServer } from 'tslab/dist/jupyter';

/** A message as tslab reads it from a socket. */
export type KernelMessage = ReturnType<Parameters<StockServer['publishStatus']>[1]['createReply']>;

/** A socket as tslab's messages write to it. */
export interface Sender {
  send(frames: unknown): unknown;
}

// The compiler that tslab brings: TypeScript 5.0.4, changed to allow `await` outside functions.
const fromTslab = createRequire(createRequire(join(__dirname, 'tslab.js')).resolve('tslab'));
export const compiler = fromTslab('@tslab/typescript-for-tslab') as Compiler;

/** What is used of the compiler's tree; which kind of node has which part is TypeScript's. */
export interface Node {
  readonly kind: number;
  readonly pos: number;
  readonly end: number;
  getStart(): number;
  readonly text?: string;
  readonly name?: Node;
  readonly propertyName?: Node;
  readonly type?: Node;
  readonly initializer?: Node;
  readonly expression?: Node;
  readonly arguments?: readonly Node[];
  readonly left?: Node;
  readonly right?: Node;
  readonly elements?: readonly Node[];
  readonly declarationList?: { readonly flags: number; readonly declarations: readonly Node[] };
}

type Kind =
  | 'AwaitExpression'
  | 'BinaryExpression'
  | 'BindingElement'
  | 'ClassDeclaration'
  | 'FunctionDeclaration'
  | 'Identifier'
  | 'ImportDeclaration'
  | 'ImportKeyword'
  | 'PropertyAccessExpression'
  | 'ShorthandPropertyAssignment'
  | 'StringLiteral'
  | 'VoidExpression';

type Watch = (path: string, ...rest: unknown[]) => { close(): void };

/** What is used of the compiler. */
interface Compiler {
  readonly version: string;
  readonly sys: {
    fileExists(path: string): boolean;
    readFile(path: string, encoding?: string): string | undefined;
    directoryExists(path: string): boolean;
    realpath(path: string): string;
    watchDirectory: Watch;
    watchFile: Watch;
  };
  readonly SyntaxKind: Readonly<Record<Kind, number>>;
  readonly NodeFlags: { readonly Let: number };
  readonly ScriptTarget: { readonly Latest: number };
  readonly ModuleKind: { readonly CommonJS: number };
  createSourceFile(
    name: string,
    text: string,
    target: number,
    parents: boolean,
  ): { readonly statements: readonly Node[] };
  forEachChild(node: Node, visit: (child: Node) => void): void;
  transpileModule(
    text: string,
    options: { readonly fileName: string; readonly compilerOptions: Readonly<Record<string, unknown>> },
  ): { readonly outputText: string };
}

/** Makes what follows a module, in which `await` may stand outside functions. */
const MODULE_PREFIX = 'export {};';

/** The statements of a cell; a position less `offset` counts from the cell's first character. */
export function statementsOf(source: string): { readonly statements: readonly Node[]; readonly offset: number } {
  const file = compiler.createSourceFile('cell.ts', MODULE_PREFIX + source, compiler.ScriptTarget.Latest, true);
  return { statements: file.statements.slice(1), offset: MODULE_PREFIX.length };
}

/**
 * Lets cells write `from 'med42-workbook'` and have its types. Node finds the package by its own name (`exports` in
 * package.json); tslab's compiler knows no such rule, so it is shown a node_modules/med42-workbook that is the project.
 */
export function showPackageToCompiler(root: string, name: string): void {
  const { sys } = compiler;
  const slashed = root.replaceAll('\\', '/');
  const link = `${slashed}/node_modules/${name}`;
  const behind = (path: string) =>
    path === link || path.startsWith(`${link}/`) ? slashed + path.slice(link.length) : path;
  const { fileExists, readFile, directoryExists, realpath } = sys;
  sys.fileExists = (path) => fileExists(behind(path));
  sys.readFile = (path, encoding) => readFile(behind(path), encoding);
  sys.directoryExists = (path) => directoryExists(behind(path));
  sys.realpath = (path) => realpath(behind(path));
}

/**
 * Gives cells a plain object for their variables. tslab's own is a proxy, at which a loop that adds to a variable takes
 * microseconds a round; it looks through to the plain one for the value that a cell ends with.
 */
export function keepVariablesPlain(executor: Executor): void {
  const variables = {};
  Object.setPrototypeOf(executor.locals, variables);
  (globalThis as unknown as { __tslab__: { exports: object } }).__tslab__.exports = variables;
}

/** What `tslab.display` shows goes where the workbook's own displays go; tslab knows of no cell that runs here. */
export function directTslabDisplays(show: typeof jupyter.lastWriteDisplayData): void {
  (jupyter as { lastWriteDisplayData: typeof jupyter.lastWriteDisplayData }).lastWriteDisplayData = show;
}

/**
 * Stops the compiler from watching files, a thousand of them: tslab refuses every cell from then on when one changes
 * ("Unexpected pending rebuildTimer"), and Node would not load it again anyway. Changes are seen after a restart.
 */
export function watchNothing(): void {
  compiler.sys.watchDirectory = () => ({ close: () => {} });
  compiler.sys.watchFile = () => ({ close: () => {} });
}
