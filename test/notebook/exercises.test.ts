import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Notebook, type NotebookCell, readNotebook } from '../../lib/notebook/runner/notebook-file';

const ROOT = resolve(__dirname, '..', '..');
const FOLDER = join(ROOT, 'notebooks');

interface Exercise {
  /** '02 exercise-shift' */
  readonly name: string;
  readonly shipped: string;
}

/** Cells with the tag `exercise`, of every notebook. */
async function shippedExercises(): Promise<Exercise[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ipynb'));
  const notebooks = await Promise.all(files.map((file) => readNotebook(join(FOLDER, file))));
  return notebooks.flatMap(({ name, cells }) =>
    cells
      .filter(({ tags }) => tags.includes('exercise'))
      .map(({ id, source }) => ({ name: `${name.slice(0, 2)} ${id}`, shipped: source })),
  );
}

/** The code under each heading '### NN exercise-…' of the teachers' page. */
function solutions(): Map<string, string> {
  const page = readFileSync(join(FOLDER, 'TEACHERS.md'), 'utf8');
  const found = page.matchAll(/^### (\d\d exercise-[\w-]+)\n(?:(?!^#|^```).*\n)*```ts\n([\s\S]*?)```/gm);
  return new Map([...found].map(([, name, code]) => [name!, code!]));
}

const solved = ({ name, shipped }: Exercise): string => {
  const check = shipped.slice(shipped.indexOf('\n\n'));
  return `${solutions().get(name)!.trimEnd()}${check}`;
};

const codeCell = (id: string, source: string): NotebookCell => ({
  cell_type: 'code',
  id,
  source,
  tags: [],
  outputs: [],
  executionCount: null,
});

const textOf = ({ outputs }: NotebookCell): string =>
  outputs.map((output) => ('data' in output ? String(output.data['text/plain']) : JSON.stringify(output))).join('\n');

let exercises: Exercise[];
let executed: Notebook;
beforeAll(async () => {
  // One process for all of them: each cell stands on the import alone.
  const { runNotebook } = (await import(
    join(ROOT, 'dist', 'notebook', 'runner', 'run-notebook.js')
  )) as typeof import('../../lib/notebook/runner/run-notebook');
  exercises = await shippedExercises();
  const cells = [
    codeCell('imports', "import * as med42 from 'med42-workbook';"),
    ...exercises.flatMap((exercise) => [
      codeCell(`blank ${exercise.name}`, exercise.shipped),
      codeCell(`solved ${exercise.name}`, solved(exercise)),
    ]),
  ];
  executed = await runNotebook({ name: 'exercises', cells }, ROOT);
}, 240_000);

test('every exercise has a solution on the teachers’ page, and every solution an exercise', () => {
  expect(exercises.length).toBeGreaterThan(8);
  expect([...solutions().keys()].sort()).toEqual(exercises.map(({ name }) => name).sort());
});

test('a blank says "not yet" and throws nothing; a solution is right', () => {
  const said = Object.fromEntries(executed.cells.slice(1).map((cell) => [cell.id, textOf(cell).slice(0, 60)]));
  for (const { name } of exercises) {
    expect(said[`blank ${name}`], name).toMatch(/^not yet: the answer is still blank/);
    expect(said[`solved ${name}`], name).toMatch(/^right/);
  }
});

test('exercises are shipped blank', async () => {
  for (const { name, shipped } of exercises) {
    expect(shipped, name).toMatch(/^\/\/ your turn\n/);
    expect(shipped, name).toMatch(/undefined/);
    expect(shipped, name).toContain('\n\n');
  }
});

test('no two cells of a notebook have one id: Jupyter would rename one', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.ipynb'))) {
    const ids = (JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Notebook).cells.map(({ id }) => id);
    expect([...new Set(ids)], file).toEqual(ids);
  }
});
