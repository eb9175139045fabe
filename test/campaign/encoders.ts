import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { embedTexts } from '../../lib/decontaminate/embed';
import { openEncoder } from '../../lib/decontaminate/encoder';
import { openVectorCache } from '../../lib/decontaminate/vector-cache';
import { type Device, openDevice } from '../../lib/engine/device';
import { writeStatic, writeTransformer } from '../decontaminate/small-encoders';
import { mutateBytes, mutateJson } from './mutate';
import { same, type Target } from './target';

/* Sentence encoders that people bring, and the vectors that are kept of them. */

const TEXTS = ['heart', 'Heart and lung', 'liver liver', 'lung and liver and heart'];

let device: Promise<Device> | undefined;
const cpu = () => {
  device ??= openDevice('cpu', 1);
  return device;
};

interface Vectors {
  readonly dimension: number;
  readonly vectors: readonly number[];
}

/** Each of length 1, or of none. */
function wrongVectors({ dimension, vectors }: Vectors): string | undefined {
  if (vectors.length !== dimension * TEXTS.length) return `${vectors.length} numbers of ${TEXTS.length} texts`;
  const lengths = TEXTS.map((_, i) => Math.hypot(...vectors.slice(i * dimension, (i + 1) * dimension)));
  const bad = lengths.find((length) => !(length === 0 || Math.abs(length - 1) < 1e-5));
  return bad === undefined ? undefined : `a vector of length ${bad}`;
}

const encoder = (kind: 'static' | 'transformer', file: string, mutate: Target['mutate']): Target => ({
  name: `${kind} encoder: ${file}`,
  file,
  prepare: async (folder) => {
    mkdirSync(folder, { recursive: true });
    await (kind === 'static' ? writeStatic(folder) : writeTransformer(folder));
  },
  mutate,
  run: async (folder) => {
    const opened = await openEncoder(folder, await cpu());
    try {
      const { vectors } = await opened.encode(TEXTS);
      return { dimension: opened.description.dimension, vectors: [...vectors] };
    } finally {
      await opened.dispose();
    }
  },
  wrong: (value) => wrongVectors(value as Vectors),
});

/** Vectors of the static encoder, which lies beside them. */
const cache = (file: string, mutate: Target['mutate']): Target => {
  const embed = async (folder: string): Promise<Vectors> => {
    const opened = await openEncoder(join(folder, 'encoder'), await cpu());
    const kept = await openVectorCache(join(folder, 'cache'), opened.description);
    try {
      await embedTexts([TEXTS], opened, kept);
      const vectors = new Float32Array(TEXTS.length * kept.dimension);
      kept.read(
        TEXTS.map((text) => kept.find(text)!),
        vectors,
      );
      return { dimension: kept.dimension, vectors: [...vectors] };
    } finally {
      await kept.close();
      await opened.dispose();
    }
  };
  return {
    name: `vector cache: ${file}`,
    file: join('cache', file),
    prepare: async (folder) => {
      await writeStatic(join(folder, 'encoder'));
      await embed(folder);
    },
    mutate,
    run: embed,
    wrong: (value, before) => (same(value, before) ? undefined : 'other vectors than the encoder gives'),
  };
};

export const ENCODER_TARGETS: readonly Target[] = [
  encoder('static', 'modules.json', mutateJson),
  encoder('static', 'tokenizer.json', mutateJson),
  encoder('static', 'model.safetensors', mutateBytes),
  encoder('transformer', 'modules.json', mutateJson),
  encoder('transformer', 'config.json', mutateJson),
  encoder('transformer', join('1_Pooling', 'config.json'), mutateJson),
  encoder('transformer', 'sentence_bert_config.json', mutateJson),
  encoder('transformer', 'tokenizer_config.json', mutateJson),
  encoder('transformer', 'tokenizer.json', mutateJson),
  encoder('transformer', join('onnx', 'model.onnx'), mutateBytes),
  cache('encoder.json', mutateJson),
  cache('vectors.bin', mutateBytes),
];
