import { compiler, type Node } from './tslab';

/**
 * A cell's JavaScript, rewritten so that there is one copy of each variable, which all cells see.
 *
 * tslab's output keeps a cell's variables in the cell and copies them to `exports` for the cells after it: a function of
 * the first cell goes on reading its own copy when a later cell assigns or declares the name again. Here each variable
 * lives in `exports` alone.
 *
 *     let rate = 1;                              exports.rate = 1;
 *     exports.rate = rate;                       const show = () => exports.rate;
 *     const show = () => rate;            ->     exports.show = show;
 *     exports.show = show;                       exports.tsLastExpr = (0, exports.show)();
 *     exports.tsLastExpr = show();
 *
 * The declarations are turned into `export let`, of which the compiler makes the right hand side: it knows where a name is
 * the variable, and where it is another of an inner scope. Function declarations come first, as JavaScript hoists them.
 */
export function oneCopy(output: string): string {
  const text = withoutImportedCopies(output);
  const statements = statementsIn(text);
  const names = new Set(statements.flatMap((statement) => copiedName(statement) ?? []));
  if (names.size === 0 && text === output) return output;
  const resets = new Set(resetsOf(statements));
  const hoisted: string[] = [];
  const kept: string[] = [];
  for (const statement of statements) {
    if (resets.has(statement) || copiedName(statement) !== undefined) continue;
    const source = textOf(statement, text);
    const name = statement.name?.text ?? '';
    if (statement.kind === compiler.SyntaxKind.FunctionDeclaration && names.has(name)) {
      const anonymous =
        text.slice(statement.getStart(), statement.name!.getStart()) + text.slice(statement.name!.end, statement.end);
      hoisted.push(`export let ${name} = ${anonymous};`);
    } else if (statement.kind === compiler.SyntaxKind.ClassDeclaration && names.has(name)) {
      kept.push(`export let ${name} = ${source};`);
    } else if (statement.declarationList) {
      kept.push(...declarations(statement.declarationList, source, text, names));
    } else kept.push(source);
  }
  const { outputText } = compiler.transpileModule([...hoisted, ...kept].join('\n'), {
    fileName: 'cell.js',
    compilerOptions: {
      module: compiler.ModuleKind.CommonJS,
      target: compiler.ScriptTarget.Latest,
      noImplicitUseStrict: true,
    },
  });
  const resetAgain = resetsOf(statementsIn(outputText));
  return edited(
    outputText,
    resetAgain.map((node) => ({ start: node.getStart(), end: node.end, text: '' })),
  );
}

const statementsIn = (text: string): readonly Node[] =>
  compiler.createSourceFile('cell.js', text, compiler.ScriptTarget.Latest, true).statements;

const textOf = (node: Node, text: string): string => text.slice(node.getStart(), node.end);

/** Of `exports.a`: "a". */
function exportName(node: Node | undefined): string | undefined {
  const isAccess = node?.kind === compiler.SyntaxKind.PropertyAccessExpression;
  return isAccess && node.expression?.text === 'exports' ? node.name!.text : undefined;
}

/** Of `exports.a = exports.b = void 0`: ["a", "b"]. */
function resetNames({ expression }: Node): string[] {
  const names: string[] = [];
  let value = expression;
  while (value?.kind === compiler.SyntaxKind.BinaryExpression) {
    const name = exportName(value.left);
    if (name === undefined) return [];
    names.push(name);
    value = value.right;
  }
  return value?.kind === compiler.SyntaxKind.VoidExpression ? names : [];
}

/** The compiler names so many variables in one statement. */
const RESET_AT_ONCE = 50;

/**
 * The statements by which the compiler makes all exported variables undefined before a cell that has any begins. They are
 * left out: a cell that fails before it comes to a declaration leaves the variable of that name as it was.
 */
function resetsOf(statements: readonly Node[]): Node[] {
  const first = statements.findIndex((statement) => resetNames(statement).length > 0);
  if (first < 0) return [];
  const found: Node[] = [];
  for (const statement of statements.slice(first)) {
    const count = resetNames(statement).length;
    if (count > 0) found.push(statement);
    if (count < RESET_AT_ONCE) break;
  }
  return found;
}

/** Of `exports.a = a`: "a". Each variable that a cell declares has such a statement. */
function copiedName({ expression }: Node): string | undefined {
  const name = exportName(expression?.left);
  const right = expression?.right;
  return right?.kind === compiler.SyntaxKind.Identifier && right.text === name ? name : undefined;
}

/** One statement for each declaration: an assignment cannot be exported, and `let` alone would keep an earlier value. */
function declarations(
  list: NonNullable<Node['declarationList']>,
  source: string,
  text: string,
  names: ReadonlySet<string>,
): string[] {
  if (!list.declarations.some((one) => boundNames(one.name!).some((name) => names.has(name)))) return [source];
  return list.declarations.map(({ name, initializer }) => {
    const value = initializer ? textOf(initializer, text) : 'void 0';
    if (name!.kind === compiler.SyntaxKind.Identifier) {
      return `${names.has(name!.text!) ? 'export let' : 'var'} ${name!.text} = ${value};`;
    }
    return `export let ${boundNames(name!).join(', ')}; (${textOf(name!, text)} = ${value});`;
  });
}

/** The names in a pattern, or the one name. */
function boundNames(name: Node): string[] {
  if (name.kind === compiler.SyntaxKind.Identifier) return [name.text!];
  return (name.elements ?? []).flatMap((element) => (element.name ? boundNames(element.name) : []));
}

/**
 * What is imported by name is read from its module wherever it stands, `node_os_1.EOL`; here it becomes a variable, `EOL`.
 *
 *     Object.defineProperty(exports, "EOL", { ..., get: function () { return node_os_1.EOL; } });
 *     exports.os = node_os_1.default;
 */
function withoutImportedCopies(output: string): string {
  const imported = new Map<string, string>();
  const copies: { readonly node: Node; readonly name: string; readonly from: string }[] = [];
  const required = new Set<string>();
  const statements = statementsIn(output);
  for (const node of statements) {
    const source = textOf(node, output);
    const module = /^const ([\w$]+_\d+) = .*\brequire\(/.exec(source);
    if (module) required.add(module[1]!);
    const copy =
      /^Object\.defineProperty\(exports, "(.+)", \{.* return ([\w$]+_\d+)\.(.+); \} \}\);$/.exec(source) ??
      /^exports\.([^ ]+) = ([\w$]+_\d+)\.(default);$/.exec(source);
    if (!copy || !required.has(copy[2]!)) continue;
    const [, name, from, property] = copy;
    copies.push({ node, name: name!, from: `${from}.${property}` });
    if (!imported.has(`${from}.${property}`)) imported.set(`${from}.${property}`, name!);
  }
  if (copies.length === 0) return output;
  const edits = copies.map(({ node, name, from }): Edit => {
    return { start: node.getStart(), end: node.end, text: `export let ${name} = ${from};` };
  });
  const walk = (node: Node): void => {
    if (copies.some((copy) => copy.node === node)) return;
    const name =
      node.kind === compiler.SyntaxKind.PropertyAccessExpression ? imported.get(textOf(node, output)) : undefined;
    if (name === undefined) compiler.forEachChild(node, walk);
    else edits.push({ start: node.getStart(), end: node.end, text: name });
  };
  for (const statement of statements) walk(statement);
  return edited(output, edits);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function edited(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of [...edits].sort((a, b) => b.start - a.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  }
  return result;
}
