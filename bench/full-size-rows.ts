import { createWriteStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTrainExamples, type TrainExample } from '../lib/data/examples';
import { SUBSETS, type SubsetKey } from '../lib/paper/table-a1';
import { createRandom, type Random } from '../lib/random';

/**
 * Rows of the paper's size: of each subset of table A1 its count and a fiftieth more, so that there is something to draw;
 * of all, one in fifty again word for word, one in two hundred with an empty response, some with HTML or mojibake.
 * Each row has the lengths of a real row of its set (of a neighbouring set, where none is at hand) in words of that set.
 */
const LIKE: Readonly<Record<SubsetKey, string>> = {
  medmcqa: 'medmcqa_partial',
  flashcards: 'opengpt_example_project',
  stackexchange: 'medquad',
  medqa: 'medqa_usmle_partial',
  cord19: 'pubmedqa_train',
  pubmedqa: 'pubmedqa_train',
  headqa: 'medmcqa_partial',
  mediqa: 'medquad',
  health_advice: 'medmcqa_partial',
  pubmed_causal: 'medmcqa_partial',
  opengpt: 'opengpt_example_project',
  medquad: 'medquad',
  mmlu: 'medqa_usmle_partial',
  niv2: 'niv2_medsci_exemplars',
  openorca_t0: 'general_t0_p3',
  openorca_flan: 'general_flan_standin_p3',
  openorca_cot: 'general_cot_flan',
};

/** What a real set is: the lengths of its rows in words, and its words. */
interface Model {
  readonly rows: readonly TrainExample[];
  readonly lengths: readonly (readonly [number, number])[];
  readonly words: readonly string[];
}

const words = (text: string) => text.split(' ');

async function modelsOf(real: string): Promise<ReadonlyMap<string, Model>> {
  const { examples, files } = await loadTrainExamples(real);
  const models = new Map<string, Model>();
  let start = 0;
  for (const { path, rows: count } of files) {
    const rows = examples.slice(start, start + count);
    start += count;
    models.set(path.replace(/^train\/|\.jsonl\.gz$/g, ''), {
      rows,
      lengths: rows.map(({ prompt, response }) => [words(prompt).length, words(response).length]),
      words: rows.flatMap(({ prompt, response }) => words(`${prompt} ${response}`)),
    });
  }
  return models;
}

/**
 * Writes the rows, one file a subset.
 *
 * @param real a folder with real rows in `train/`
 * @param share of the paper's counts, for a trial; 1 is all
 */
export async function writeFullSizeRows(real: string, out: string, seed: number, share = 1): Promise<void> {
  if (!existsSync(join(real, 'train')))
    throw new Error(`full-size: ${real}/train must hold real rows, to take lengths from`);
  const models = await modelsOf(real);
  await mkdir(join(out, 'train'), { recursive: true });
  for (const { key, samples } of SUBSETS) {
    const model = models.get(LIKE[key]);
    if (!model) throw new Error(`full-size: ${real}/train/${LIKE[key]}.jsonl.gz is not there`);
    const random = createRandom(seed, key);
    const file = createWriteStream(join(out, 'train', `${key}.jsonl`));
    const write = async (row: object) => {
      if (!file.write(`${JSON.stringify(row)}\n`)) await new Promise<void>((done) => file.once('drain', done));
    };
    const count = Math.ceil(samples * share * 1.02);
    for (let i = 0; i < count; i++) {
      const row = rowOf(key, i, model, random);
      await write(row);
      if (random.int(50) === 0) await write({ ...row, id: `${row.id}-again` });
      if (random.int(200) === 0) await write({ ...row, id: `${row.id}-empty`, response: ' ' });
    }
    await new Promise<void>((done) => file.end(done));
  }
}

function rowOf(key: SubsetKey, i: number, model: Model, random: Random) {
  const [asked, answered] = model.lengths[random.int(model.lengths.length)]!;
  const stretch = (count: number) => {
    const start = random.int(model.words.length);
    const wrapped = Math.max(0, start + count - model.words.length);
    return [...model.words.slice(start, start + count), ...model.words.slice(0, wrapped)].join(' ').trim() || 'none';
  };
  // The number keeps rows of short sets apart.
  const prompt = `${stretch(asked)} (${i})`;
  const response = stretch(answered);
  const isForum = key === 'stackexchange';
  const misread = random.int(100) === 0 ? ' It donâ€™t matter: 5 Âµg.' : '';
  return {
    id: `${key}-${i}`,
    source: key,
    prompt: isForum ? `<p>${prompt.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</p>\n` : prompt,
    response: (isForum ? `<p>${response.replaceAll('<', '&lt;')}</p><ul><li>one</li></ul>` : response) + misread,
  };
}
