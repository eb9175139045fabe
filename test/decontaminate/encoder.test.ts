import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Embedded, openEncoder } from '../../lib/decontaminate/encoder';
import { type Device, openDevice } from '../../lib/engine/device';
import { MINIATURE } from '../run/child';
import { TABLE, WORDS, writeStatic, writeTransformer } from './small-encoders';

let root: string;
let folder: string;
let device: Device;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'encoder-'));
  device = await openDevice('cpu', 1);
});
beforeEach(() => {
  folder = join(root, `one-${count++}`);
});
afterAll(() => rm(root, { recursive: true }));

const unit = (vector: readonly number[]) => vector.map((x) => x / Math.hypot(...vector));
const mean = (words: readonly string[]) => [0, 1, 2].map((c) => words.reduce((sum, word) => sum + WORDS[word]![c]!, 0));
const rowsOf = ({ vectors }: Embedded) =>
  Array.from({ length: vectors.length / 3 }, (_, i) => [...vectors.subarray(i * 3, i * 3 + 3)]);
const close = (a: readonly number[], b: readonly number[]) => {
  for (const [i, value] of a.entries()) expect(value).toBeCloseTo(b[i]!, 6);
};
async function encode(texts: readonly string[]): Promise<Embedded> {
  const encoder = await openEncoder(folder, device);
  const embedded = await encoder.encode(texts);
  await encoder.dispose();
  return embedded;
}

const TEXTS = ['heart', 'Heart and lung', '', 'heart heart lung stranger liver and lung', 'liver'];

describe('a static embedding', () => {
  it('whose vocabulary lacks what stands for unknown words is refused by its file', async () => {
    await writeStatic(folder);
    const file = join(folder, 'tokenizer.json');
    const json = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...json, model: { ...json.model, unk_token: '[NONE]' } }));
    await expect(encode(['stranger'])).rejects.toThrow(`tokenizer: ${file} cannot encode a text (`);
  });

  it('is the mean of its words, of length 1, without control tokens, never cut', async () => {
    await writeStatic(folder);
    const embedded = await encode(TEXTS);
    const rows = rowsOf(embedded);
    close(rows[0]!, [1, 0, 0]);
    close(rows[1]!, unit(mean(['heart', 'and', 'lung'])));
    close(rows[3]!, unit(mean(['heart', 'heart', 'lung', '[UNK]', 'liver', 'and', 'lung'])));
    expect([...embedded.truncated]).toEqual([0, 0, 0, 0, 0]);
  });

  it('has the zero vector for a text without words', async () => {
    await writeStatic(folder);
    expect(rowsOf(await encode(['', ' ']))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});

describe('a transformer', () => {
  const around = (words: readonly string[]) => ['[CLS]', ...words, '[SEP]'];

  it('pools by mean over its own words, whatever else is in the batch, and says which texts it cut', async () => {
    await writeTransformer(folder);
    const embedded = await encode(TEXTS);
    const rows = rowsOf(embedded);
    close(rows[0]!, unit(mean(around(['heart']))));
    close(rows[1]!, unit(mean(around(['heart', 'and', 'lung']))));
    close(rows[2]!, unit(mean(around([]))));
    close(rows[3]!, unit(mean(around(['heart', 'heart', 'lung', '[UNK]']))));
    expect([...embedded.truncated]).toEqual([0, 0, 0, 1, 0]);
  });

  it('pools by the first token, and by the largest of each number', async () => {
    await writeTransformer(folder, { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false });
    close(rowsOf(await encode(['liver']))[0]!, [0, 1, 0]);
    folder = `${folder}-max`;
    await writeTransformer(folder, { pooling_mode: 'max' });
    close(rowsOf(await encode(['liver']))[0]!, unit([0, 3, 0]));
    close(rowsOf(await encode(['heart']))[0]!, unit([1, 3, 0]));
  });

  it('takes the smaller of tokenizer and network where no max_seq_length is written', async () => {
    await writeTransformer(folder, undefined, null);
    const encoder = await openEncoder(folder, device);
    expect(encoder.description).toMatchObject({ architecture: 'transformer', dimension: 3, maxSeqLength: 7 });
    await encoder.dispose();
  });

  it('gives equal vectors alone and among others', async () => {
    await writeTransformer(folder);
    const many = Array.from({ length: 2000 }, (_, i) => TEXTS[i % TEXTS.length]!);
    const together = rowsOf(await encode(many));
    const alone = rowsOf(await encode(TEXTS));
    for (const [i, row] of together.entries()) expect(row).toEqual(alone[i % TEXTS.length]);
  });

  it('is told apart by its files', async () => {
    await writeTransformer(folder);
    const hash = async () => {
      const encoder = await openEncoder(folder, device);
      await encoder.dispose();
      return encoder.description.sha256;
    };
    const before = await hash();
    expect(await hash()).toBe(before);
    await writeFile(join(folder, '1_Pooling/config.json'), JSON.stringify({ pooling_mode: 'max' }));
    expect(await hash()).not.toBe(before);
  });
});

describe('refuses', () => {
  const refusal = () =>
    openEncoder(folder, device).then(
      () => 'opened',
      (error: Error) => error.message,
    );

  it('a folder that is not there', async () => {
    expect(await refusal()).toMatch(/is not there; a SentenceTransformers folder has modules.json/);
  });

  it('a language model, by its name', async () => {
    folder = join(MINIATURE, 'base');
    expect(await refusal()).toMatch(/has no modules.json: it is a LlamaForCausalLM, no sentence encoder/);
  });

  it('a module it does not compute', async () => {
    await writeTransformer(folder);
    await writeFile(
      join(folder, 'modules.json'),
      JSON.stringify([
        { path: '', type: 'x.Transformer' },
        { path: '2_Dense', type: 'x.Dense' },
      ]),
    );
    expect(await refusal()).toMatch(/has a module Dense; only Transformer, StaticEmbedding, Pooling, Normalize/);
  });

  it('a pooling it does not compute, two at once, or none', async () => {
    await writeTransformer(folder, { pooling_mode: 'lasttoken' });
    expect(await refusal()).toMatch(/pools by lasttoken; mean, cls and max/);
    await writeTransformer(folder, { pooling_mode_mean_sqrt_len_tokens: true });
    expect(await refusal()).toMatch(/pools by mean_sqrt_len;/);
    await writeTransformer(folder, { pooling_mode_cls_token: true, pooling_mode_max_tokens: true });
    expect(await refusal()).toMatch(/pools by cls with max;/);
    await rm(join(folder, '1_Pooling'), { recursive: true });
    expect(await refusal()).toMatch(/modules\.json names the folder "1_Pooling", which has no config\.json; fetch it/);
  });

  it('a folder without an ONNX graph, saying how to make it', async () => {
    await writeTransformer(folder);
    await rm(join(folder, 'onnx'), { recursive: true });
    expect(await refusal()).toMatch(
      /has no onnx\/model.onnx; make it: `python test\/parity\/export-minilm.py OUT FOLDER`/,
    );
  });

  it('a graph that is none', async () => {
    await writeTransformer(folder);
    await writeFile(join(folder, 'onnx/model.onnx'), 'no graph');
    expect(await refusal()).toMatch(/onnx\/model.onnx cannot be opened .*; export it again/s);
  });

  it('an encoder of two graphs, by its name', async () => {
    await writeTransformer(folder);
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    const changed = { ...config, architectures: ['T5EncoderModel'], model_type: 't5' };
    await writeFile(join(folder, 'config.json'), JSON.stringify(changed));
    expect(await refusal()).toMatch(
      /onnx\/model.onnx cannot be opened as a T5EncoderModel \(.*; export it again, as one/s,
    );
  });

  it('a tokenizer or a configuration that is none', async () => {
    await writeTransformer(folder);
    await writeFile(join(folder, 'sentence_bert_config.json'), '{"max_seq_length": "many"}');
    expect(await refusal()).toMatch(/says max_seq_length "many"/);
    await writeFile(join(folder, 'sentence_bert_config.json'), '{');
    expect(await refusal()).toMatch(/sentence_bert_config.json is not JSON/);
    await rm(join(folder, 'tokenizer.json'));
    await writeFile(join(folder, 'sentence_bert_config.json'), '{}');
    expect(await refusal()).toMatch(/has no tokenizer.json/);
  });

  it('a table of another form', async () => {
    await writeStatic(folder);
    expect(TABLE.length).toBe(24);
    await mkdir(join(folder, 'onnx'));
    const bytes = new Float32Array(24);
    const header = Buffer.from(
      JSON.stringify({ weights: { dtype: 'F32', shape: [24], data_offsets: [0, 96] } }).padEnd(80),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(folder, 'model.safetensors'), Buffer.concat([length, header, Buffer.from(bytes.buffer)]));
    expect(await refusal()).toMatch(/holds weights; a static embedding here is one table/);
  });
});
