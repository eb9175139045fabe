import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fieldsOf as typedFields } from '../../data/forms/fields';
import { readItem } from '../../data/forms/items';
import { readLines } from '../../data/reading/jsonl';
import type { EvalItem } from '../../data/rows';
import { PLANTED_KINDS, type Planted, type PlantedKind } from '../../decontaminate/planted';
import { FACT_GROUPS, type FactGroup } from './groups';

/**
 * Which fact each item of `eval/` and `development/` asks for, and that fact's group, by item id.
 *
 * @param folder the miniature's
 * @throws when item-facts.jsonl is not there or a line is not as it should be
 */
export async function readItemFacts(
  folder: string,
): Promise<ReadonlyMap<string, { readonly factId: string; readonly group: FactGroup }>> {
  const rows = await readRows(folder, 'item-facts.jsonl', (text, place) => {
    const { id, factId, group } = fieldsOf(text, place);
    return {
      id: textField(id, 'id', place),
      factId: textField(factId, 'factId', place),
      group: oneOf<FactGroup>(FACT_GROUPS, group, 'group', place),
    };
  });
  return new Map(rows.map(({ id, factId, group }) => [id, { factId, group }]));
}

/** The planted truth for decontamination: which row resembles which item, and how. @throws as `readItemFacts` */
export async function readPlanted(folder: string): Promise<readonly Planted[]> {
  return readRows(folder, 'planted.jsonl', (text, place) => {
    const { itemId, rowId, kind } = fieldsOf(text, place);
    return {
      itemId: textField(itemId, 'itemId', place),
      rowId: textField(rowId, 'rowId', place),
      kind: oneOf<PlantedKind>(PLANTED_KINDS, kind, 'kind', place),
    };
  });
}

/** The general quiz, as items of MedMCQA's format. @throws as `readItemFacts` */
export async function readQuiz(folder: string): Promise<readonly EvalItem[]> {
  return readRows(folder, 'quiz.jsonl', (text, place) => {
    const at = { file: place.file, at: `line ${place.line}` };
    return readItem(typedFields({ fields: fieldsOf(text, place), place: at, untyped: false })).item;
  });
}

interface Place {
  readonly file: string;
  readonly line: number;
}

async function readRows<T>(folder: string, file: string, parse: (text: string, place: Place) => T): Promise<T[]> {
  const path = join(folder, file);
  if (!existsSync(path)) {
    throw new Error(
      `miniature: no file ${path}; pass the miniature's folder, or write it with npx med42 build-miniature`,
    );
  }
  const rows: T[] = [];
  for await (const { text, number } of readLines(createReadStream(path), file)) {
    rows.push(parse(text, { file, line: number }));
  }
  return rows;
}

function fieldsOf(text: string, { file, line }: Place): Readonly<Record<string, unknown>> {
  try {
    const row: unknown = JSON.parse(text);
    if (typeof row === 'object' && row !== null) return row as Readonly<Record<string, unknown>>;
  } catch {
    // Said below, with the line.
  }
  throw new Error(
    `miniature: ${file} line ${line}: must be a JSON object; write it anew with npx med42 build-miniature`,
  );
}

function textField(value: unknown, field: string, { file, line }: Place): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(
    `miniature: ${file} line ${line}: "${field}" must be a non-empty string, got ${JSON.stringify(value)}; fix the line`,
  );
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown, field: string, { file, line }: Place): T {
  if (allowed.some((one) => one === value)) return value as T;
  throw new Error(
    `miniature: ${file} line ${line}: "${field}" must be one of ${allowed.join(', ')}, got ${JSON.stringify(value)}; fix the line`,
  );
}
