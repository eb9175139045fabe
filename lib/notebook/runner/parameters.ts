import { compiler, statementsOf } from '../kernel/tslab';
import type { Notebook, NotebookCell } from './notebook-file';

/** The cell with this tag declares, with `let`, what a run may set; papermill's convention. */
const DECLARED = 'parameters';
const INJECTED = 'injected-parameters';

export type ParameterValue = string | number | boolean | readonly unknown[] | null;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** `seed=7` -> ['seed', 7]; what is no JSON is a text. @throws when there is no `=` */
export function parseSetting(text: string): [name: string, value: ParameterValue] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`notebooks: --set takes NAME=VALUE, got "${text}"`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value) as ParameterValue];
  } catch {
    return [text.slice(0, at), value];
  }
}

/** The names that a notebook's parameters cell declares; none when it has no such cell. */
export function parameterNames(notebook: Notebook): string[] {
  const cell = notebook.cells.find(({ tags }) => tags.includes(DECLARED));
  if (!cell) return [];
  return statementsOf(cell.source).statements.flatMap(({ declarationList }) =>
    declarationList && declarationList.flags & compiler.NodeFlags.Let
      ? declarationList.declarations.flatMap(({ name }) => name?.text ?? [])
      : [],
  );
}

/**
 * The notebook with a cell after its parameters cell that sets `values` and shows all parameters: what a run was made
 * with is part of its output.
 *
 * @throws naming a parameter that the notebook does not have, and those it has
 */
export function withParameters(notebook: Notebook, values: Parameters): Notebook {
  const names = parameterNames(notebook);
  const unknown = Object.keys(values).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(
      `notebooks: ${notebook.name} has no parameter ${unknown.join(', ')}; ` +
        (names.length > 0 ? `it has ${names.join(', ')}` : `it has none (no cell with the tag "${DECLARED}")`),
    );
  }
  const cells = notebook.cells.filter(({ tags }) => !tags.includes(INJECTED));
  const at = cells.findIndex(({ tags }) => tags.includes(DECLARED));
  const injected: NotebookCell = {
    cell_type: 'code',
    id: INJECTED,
    source: [
      '// set by npm run notebooks',
      ...Object.entries(values).map(([name, value]) => `${name} = ${JSON.stringify(value)};`),
      `({ ${names.join(', ')} })`,
    ].join('\n'),
    tags: [INJECTED],
    outputs: [],
    executionCount: null,
  };
  return { ...notebook, cells: [...cells.slice(0, at + 1), injected, ...cells.slice(at + 1)] };
}
