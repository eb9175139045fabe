import { basename } from 'node:path';
import { parseJson, readSmallFile, requireFile } from '../../json-file';
import type { RawRow } from '../reading/records';

/** Sources that their authors publish on GitHub as one JSON object a file: rows with the columns of the Hub's copies. */

type Json = Readonly<Record<string, unknown>>;

/**
 * A task of Natural Instructions: its definition with each of its instances. Of several outputs the first is the target.
 *
 *     {"Definition": ["..."], "Instances": [{"id": "...", "input": "...", "output": ["...", ...]}, ...], ...}
 *
 * @throws naming the file that is no such task
 * Source: allenai/natural-instructions, README.md, 'Task schema'; files have 50 MB at most
 */
export async function* readNaturalTask(path: string, name: string): AsyncGenerator<RawRow> {
  const task = await objectOf(path, name);
  const { Definition: definition, Instances: instances } = task;
  if (!Array.isArray(instances)) throw unlike(name, 'a list of "Instances"', Object.keys(task));
  const own = basename(path, '.json');
  for (const [i, instance] of (instances as readonly (Json | null)[]).entries()) {
    const { id = `${own}-${i}`, input, output } = instance ?? {};
    yield {
      fields: { task_name: own, id, definition: firstOf(definition), inputs: input, targets: firstOf(output) },
      place: { file: name, at: `instance ${i + 1}` },
      untyped: false,
    };
  }
}

/**
 * PubMedQA's labelled questions, by the id of their article.
 *
 *     {"21645374": {"QUESTION": "...", "CONTEXTS": ["...", ...], "final_decision": "yes", "LONG_ANSWER": "...", ...}, ...}
 *
 * @throws naming the file that is no such object
 * Source: pubmedqa/pubmedqa, data/ori_pqal.json
 */
export async function* readPubMedQa(path: string, name: string): AsyncGenerator<RawRow> {
  for (const [pubid, value] of Object.entries(await objectOf(path, name))) {
    const { QUESTION, CONTEXTS, LABELS, LONG_ANSWER, final_decision } = (value ?? {}) as Json;
    yield {
      fields: {
        pubid,
        question: QUESTION,
        context: { contexts: CONTEXTS, labels: LABELS },
        long_answer: LONG_ANSWER,
        final_decision,
      },
      place: { file: name, at: `"${pubid}"` },
      untyped: false,
    };
  }
}

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? (value as readonly unknown[])[0] : value);

async function objectOf(path: string, name: string): Promise<Json> {
  let value: unknown;
  await requireFile(path, 'fetch');
  try {
    value = parseJson((await readSmallFile(path, 'fetch')).toString('utf8'));
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`fetch: ${name} must be a JSON object (${why}); delete ${path} and fetch it again`, {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw unlike(name, 'a JSON object', Array.isArray(value) ? ['a list'] : [typeof value]);
}

const unlike = (name: string, wanted: string, has: readonly string[]): Error =>
  new Error(
    `fetch: ${name} must have ${wanted}, has ${has.slice(0, 8).join(', ') || 'nothing'}; its owner may have changed it: ` +
      'compare it with lib/data/sources/catalogue',
  );
