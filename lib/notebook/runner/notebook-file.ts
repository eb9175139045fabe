import { basename } from 'node:path';
import * as v from 'valibot';
import { writeFileAtomic } from '../../files';
import { parseJson, readTextIfThere } from '../../json-file';
import { checkFields } from '../../schema';
import type { MimeBundle } from '../kernel/output';

/** An output as a notebook file holds it; texts are whole here, and lists of lines in the file. */
export type NotebookOutput =
  | { readonly output_type: 'stream'; readonly name: 'stdout' | 'stderr'; readonly text: string }
  | {
      readonly output_type: 'display_data' | 'execute_result';
      readonly data: MimeBundle;
      readonly metadata: Readonly<Record<string, unknown>>;
      readonly execution_count?: number;
    }
  | {
      readonly output_type: 'error';
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: readonly string[];
    };

export interface NotebookCell {
  readonly cell_type: 'code' | 'markdown' | 'raw';
  readonly id: string;
  readonly source: string;
  readonly tags: readonly string[];
  /** Of code cells. */
  readonly outputs: readonly NotebookOutput[];
  readonly executionCount: number | null;
  readonly attachments?: unknown;
}

export interface Notebook {
  readonly name: string;
  readonly cells: readonly NotebookCell[];
}

const lineOrLines = v.union([v.string(), v.array(v.string())], 'text or a list of lines');
const output = v.variant(
  'output_type',
  [
    v.looseObject({ output_type: v.literal('stream'), name: v.string('text'), text: lineOrLines }),
    v.looseObject({ output_type: v.literal('display_data'), data: v.record(v.string(), v.unknown(), 'an object') }),
    v.looseObject({ output_type: v.literal('execute_result'), data: v.record(v.string(), v.unknown(), 'an object') }),
    v.looseObject({
      output_type: v.literal('error'),
      ename: v.string('text'),
      evalue: v.string('text'),
      traceback: v.array(v.string('text'), 'a list'),
    }),
  ],
  'an output of stream, display_data, execute_result or error',
);
const CELL = v.looseObject(
  {
    cell_type: v.picklist(['code', 'markdown', 'raw'], 'code, markdown or raw'),
    id: v.optional(v.string('text')),
    source: v.optional(lineOrLines),
    metadata: v.optional(v.looseObject({ tags: v.optional(v.array(v.string('text'), 'a list')) }, 'an object')),
    outputs: v.optional(v.array(output, 'a list')),
    execution_count: v.nullish(v.number('a number')),
  },
  'an object',
);
const NOTEBOOK = v.looseObject({ nbformat: v.literal(4, '4'), cells: v.array(CELL, 'a list') }, 'an object');
type RawCell = v.InferOutput<typeof CELL>;

type RawOutput = Record<string, unknown> & { readonly data?: Record<string, unknown> };

const whole = (text: unknown): string => (Array.isArray(text) ? text.join('') : String(text ?? ''));

/** @throws naming the field, when the file is no notebook of format 4 */
export async function readNotebook(path: string): Promise<Notebook> {
  const text = await readTextIfThere(path, 'notebook');
  if (text === undefined) throw new Error(`notebook: there is no ${path}; give the file of a notebook`);
  const remedy = 'save it anew with Jupyter, as format 4';
  const raw = checkFields(NOTEBOOK, parse(text, path), `notebook: ${path}`, remedy);
  const taken = new Set<string>();
  // Format 4.4 and older have no ids, and a copied cell may have its model's: the place is one, and stays.
  const ownId = ({ id = '' }: RawCell, i: number): string => {
    const own = id === '' || taken.has(id) ? `cell-${i + 1}` : id;
    taken.add(own);
    return own;
  };
  const cells = raw.cells.map((cell: RawCell, i: number): NotebookCell => {
    return {
      cell_type: cell.cell_type,
      id: ownId(cell, i),
      source: whole(cell.source),
      tags: cell.metadata?.tags ?? [],
      outputs: ((cell.outputs ?? []) as readonly RawOutput[]).map(readOutput),
      executionCount: cell.execution_count ?? null,
      ...(cell.attachments === undefined ? {} : { attachments: cell.attachments }),
    };
  });
  return { name: basename(path, '.ipynb'), cells };
}

function parse(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`notebook: ${path} is no JSON (${(error as Error).message}); save it anew with Jupyter`);
  }
}

function readOutput(raw: RawOutput): NotebookOutput {
  if (raw.output_type === 'stream') return { ...raw, text: whole(raw.text) } as NotebookOutput;
  if (!raw.data) return raw as NotebookOutput;
  const data = Object.entries(raw.data).map(([type, value]) => [type, isJson(type) ? value : whole(value)]);
  return { ...raw, data: Object.fromEntries(data) } as NotebookOutput;
}

const isJson = (type: string): boolean => type === 'application/json' || type.endsWith('+json');

const METADATA = {
  kernelspec: { display_name: 'TypeScript (Med42)', language: 'typescript', name: 'med42' },
  language_info: { file_extension: '.ts', mimetype: 'text/typescript', name: 'typescript' },
};

/**
 * Writes a notebook as Jupyter would (keys sorted, texts as lists of lines), without what changes from run to run: of the
 * metadata only tags and the kernel stay.
 */
export async function writeNotebook(path: string, notebook: Notebook): Promise<void> {
  await writeFileAtomic(path, notebookToJson(notebook));
}

export function notebookToJson({ cells }: Notebook): string {
  const raw = {
    cells: cells.map(({ cell_type, id, source, tags, outputs, executionCount, attachments }) => ({
      ...(attachments === undefined ? {} : { attachments }),
      cell_type,
      ...(cell_type === 'code' ? { execution_count: executionCount, outputs: outputs.map(writeOutput) } : {}),
      id,
      metadata: tags.length > 0 ? { tags } : {},
      source: lines(source),
    })),
    metadata: METADATA,
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(sorted(raw), null, 1)}\n`;
}

function writeOutput(output: NotebookOutput): object {
  if (output.output_type === 'stream') return { ...output, text: lines(output.text) };
  if (output.output_type === 'error') return output;
  const data = Object.entries(output.data).map(([type, value]) => [
    type,
    typeof value === 'string' && !/^image\/(?!svg)/.test(type) ? lines(value) : value,
  ]);
  return { ...output, data: Object.fromEntries(data) };
}

const lines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** With the keys of all objects in order: equal things give equal text. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
