import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { renderPrompt, renderResponse } from '../data/template';
import { writeFileAtomic } from '../files';
import { formatGeneralText, generateMiniature, type Miniature } from '../miniature/miniature';
import { tokenizerConfig, trainTokenizer } from '../miniature/train-tokenizer';
import { type BuildOptions, parseBuildOptions } from './build-options';
import { callersFolder } from './interrupt';

/** The bundled model's vocabulary and context, in tokens. */
const MINIATURE_VOCABULARY = 4096;
const MINIATURE_CONTEXT = 512;

/** Every generated file of `data/miniature`: its path inside that folder and its text. */
export function miniatureFiles(miniature: Miniature): ReadonlyMap<string, string> {
  const bySource = groupBy(miniature.train, ({ source }) => source);
  const byTask = groupBy(miniature.eval, ({ task }) => task);
  const training = [...miniature.train, ...miniature.development.train].map(
    (row) => renderPrompt(row) + renderResponse(row),
  );
  const tokenizer = trainTokenizer([...training, ...miniature.generalText], MINIATURE_VOCABULARY);
  return new Map([
    ...[...bySource].map(([source, rows]): [string, string] => [`train/${source}.jsonl`, jsonLines(rows)]),
    ...[...byTask].map(([task, items]): [string, string] => [`eval/${task}.jsonl`, jsonLines(items)]),
    ...[...groupBy(miniature.development.train, ({ source }) => source)].map(([source, rows]): [string, string] => [
      `development/train/${source}.jsonl`,
      jsonLines(rows),
    ]),
    ...[...groupBy(miniature.development.eval, ({ task }) => task)].map(([task, items]): [string, string] => [
      `development/eval/${task}.jsonl`,
      jsonLines(items),
    ]),
    ['quiz.jsonl', jsonLines(miniature.quiz)],
    ['planted.jsonl', jsonLines(miniature.planted)],
    ['facts.jsonl', jsonLines(miniature.facts)],
    [
      'item-facts.jsonl',
      jsonLines(Object.entries(miniature.itemFacts).map(([id, { factId, group }]) => ({ id, factId, group }))),
    ],
    ['general.txt', formatGeneralText(miniature.generalText)],
    ['tokenizer.json', `${JSON.stringify(tokenizer, undefined, 1)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(tokenizerConfig(MINIATURE_CONTEXT), undefined, 1)}\n`],
  ]);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function jsonLines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** Writes the files into the folder, and removes .jsonl files that an earlier generator left there. */
async function build({ seed, data: folder }: BuildOptions): Promise<void> {
  const miniature = generateMiniature(seed);
  const files = miniatureFiles(miniature);
  for (const half of ['train', 'eval', 'development/train', 'development/eval']) {
    for (const name of await readdir(join(folder, half)).catch(() => [])) {
      if (name.endsWith('.jsonl') && !files.has(`${half}/${name}`)) await unlink(join(folder, half, name));
    }
  }
  let bytes = 0;
  for (const [path, text] of files) {
    await writeFileAtomic(join(folder, path), text);
    bytes += Buffer.byteLength(text);
  }
  const count = (label: string, keys: readonly string[]) => {
    const groups = [...groupBy(keys, (key) => key)].map(([key, all]) => `${key} ${all.length}`);
    console.log(`${label} ${keys.length}: ${groups.join(', ')}`);
  };
  const { facts, train, eval: items, development, generalText, planted, quiz } = miniature;
  count(
    'facts by relation',
    facts.map(({ relation }) => relation),
  );
  count(
    'facts by group',
    facts.map(({ group }) => group),
  );
  count(
    'training rows',
    train.map(({ source }) => source),
  );
  count(
    'evaluation items',
    items.map(({ task, subject }) => (subject ? `${task}/${subject}` : task)),
  );
  count(
    'planted rows',
    planted.map(({ kind }) => kind),
  );
  console.log(
    `development rows ${development.train.length}, development items ${development.eval.length}, quiz items ${quiz.length}, documents of general text ${generalText.length}`,
  );
  console.log(`${files.size} files, ${bytes} bytes, in ${folder}`);
}

export function main(args: readonly string[]): Promise<void> {
  const does = 'Writes rows, items, facts and tokenizer of a world; build-base pretrains its base.';
  return build(parseBuildOptions('build-miniature', does, args, callersFolder()));
}
