import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readNotebook } from '../../lib/notebook/runner/notebook-file';

const FOLDER = resolve(__dirname, '..', '..', 'notebooks');

const oneLine = (text: string): string => text.split(/\s+/).join(' ').trim();

/** The quotation under each heading of the teachers' page, by the heading: '02 exercise-shift', '01, to think about'. */
function quotations(): Map<string, string> {
  const page = readFileSync(join(FOLDER, 'TEACHERS.md'), 'utf8');
  const found = page.matchAll(/^### (\d\d.*)\n\n((?:>.*\n)+)/gm);
  return new Map([...found].map(([, heading, quoted]) => [heading!, oneLine(quoted!.replace(/^>/gm, ''))]));
}

/** What the notebooks ask: the text before each exercise, and what is to think about. */
async function questions(): Promise<Map<string, string>> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ipynb'));
  const notebooks = await Promise.all(files.map((file) => readNotebook(join(FOLDER, file))));
  const textOf = (source: string) => oneLine(source.replace(/^## Exercises\s+/, ''));
  return new Map(
    notebooks.flatMap(({ name, cells }) => {
      const number = name.slice(0, 2);
      return cells.flatMap(({ cell_type, id, source, tags }, i): [string, string][] => {
        if (tags.includes('exercise')) {
          const before = cells.slice(0, i).findLast((cell) => cell.cell_type === 'markdown')!;
          return [[`${number} ${id}`, textOf(before.source)]];
        }
        const isQuestion = cell_type === 'markdown' && source.includes('To think about.');
        return isQuestion ? [[`${number}, to think about`, textOf(source)]] : [];
      });
    }),
  );
}

test('each answer of the teachers’ page stands under its question, as the notebook asks it', async () => {
  const asked = await questions();
  expect(asked.size).toBeGreaterThan(20);
  expect(Object.fromEntries(quotations())).toEqual(Object.fromEntries(asked));
});
