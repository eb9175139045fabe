import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, isAbsolute, join, normalize } from 'node:path';
import * as v from 'valibot';
import { parseJsonObject, readTextIfThere, requireRegularFile } from '../json-file';
import { looseFields, readFields, text } from '../schema';
import type { EncoderDescription } from './record';

/** A SentenceTransformers folder as its configuration describes it; nothing of it is loaded yet. */
export interface SentenceFolder extends Omit<EncoderDescription, 'dimension'> {
  readonly folder: string;
  /** `onnx/model.onnx`, or for a static embedding `model.safetensors`. */
  readonly weights: string;
  /** `tokenizer.json`. */
  readonly tokenizer: string;
  /** What config.json says the network is, 'BertModel'. */
  readonly network: string | undefined;
  readonly lowercase: boolean;
}

const isInside = (path: string): boolean =>
  path.length < 256 && !isAbsolute(path) && !normalize(path).split(/[\\/]/).includes('..');
const MODULE_LIST = v.array(
  looseFields({ path: v.pipe(text, v.check(isInside, 'a folder inside that of the encoder')) }, { type: text }),
  'a list of modules',
);
const MODULES = ['Transformer', 'StaticEmbedding', 'Pooling', 'Normalize'];
const LAYOUT =
  'a SentenceTransformers folder has modules.json, config.json, tokenizer.json, 1_Pooling/config.json and onnx/model.onnx';

/**
 * Reads what decides how a folder's vectors are made.
 *
 *     modules.json          Transformer + Pooling (+ Normalize), or StaticEmbedding (+ Normalize)
 *     <Pooling>/config.json mean, cls or max
 *     sentence_bert_config  max_seq_length: all-MiniLM-L6-v2 reads 256 word pieces although its network takes 512
 *
 * @throws when the folder is no sentence encoder, or one of a kind that is not computed here, naming what it is
 * Source: sentence-transformers 6.2, base/model.py and sentence_transformer/modules
 */
export async function readSentenceFolder(folder: string): Promise<SentenceFolder> {
  const fail = (what: string): never => {
    throw new Error(`encoder: ${folder}${what.startsWith(':') ? '' : ' '}${what}`);
  };
  if (!existsSync(folder)) fail(`is not there; ${LAYOUT}`);
  const config = await readJson(join(folder, 'config.json'));
  const named = list(config?.architectures)[0] ?? config?.model_type;
  const network = named === undefined ? undefined : String(named);
  if (!existsSync(join(folder, 'modules.json'))) {
    fail(`has no modules.json${network ? `: it is a ${network}, no sentence encoder` : ''}; ${LAYOUT}`);
  }
  const listed = await readFields(MODULE_LIST, join(folder, 'modules.json'), 'encoder', 'fetch it again');
  const modules = (listed ?? []).map(({ path, type }) => ({ path: path ?? '', type: type.split('.').at(-1)! }));
  const unknown = modules.find(({ type }) => !MODULES.includes(type));
  if (unknown)
    fail(
      `: modules.json has a module ${unknown.type}; only ${MODULES.join(', ')} are computed here: use another encoder`,
    );
  const first = modules[0]?.type;
  if (first !== 'Transformer' && first !== 'StaticEmbedding') {
    fail(`: modules.json starts with the module ${first ?? '(none)'}; it must be Transformer or StaticEmbedding`);
  }
  const part = (path: string, name: string) => join(folder, path, name);
  const tokenizer = part(modules[0]!.path, 'tokenizer.json');
  if (!existsSync(tokenizer)) {
    const place =
      modules[0]!.path === '' ? '' : `: modules.json names the folder ${JSON.stringify(modules[0]!.path)}, which `;
    fail(`${place}has no tokenizer.json; fetch it, or save the tokenizer in its fast form`);
  }

  const pooling = modules.find(({ type }) => type === 'Pooling');
  const isStatic = first === 'StaticEmbedding';
  if (!isStatic && !pooling)
    fail(': modules.json has a Transformer without a Pooling module, and a text needs one vector; fetch it again');
  if (pooling?.path === '') fail(': modules.json gives its module Pooling no "path"; fetch it again');
  const poolingFile = pooling && part(pooling.path, 'config.json');
  const poolingConfig = poolingFile ? await readJson(poolingFile) : undefined;
  if (poolingFile && !poolingConfig)
    fail(`: modules.json names the folder ${JSON.stringify(pooling.path)}, which has no config.json; fetch it`);

  const limitsFile = part(modules[0]!.path, 'sentence_bert_config.json');
  const limits = await readJson(limitsFile);
  const tokenizerConfig = await readJson(join(folder, 'tokenizer_config.json'));
  const weights = [join(folder, 'model.safetensors'), part(modules[0]!.path, 'onnx/model.onnx')]
    .filter((file) => isStatic || file.endsWith('.onnx'))
    .find((file) => existsSync(file));
  if (!weights) {
    if (isStatic) fail('has no model.safetensors that can be read; fetch it again');
    fail(
      'has no onnx/model.onnx; make it: `python test/parity/export-minilm.py OUT FOLDER`, ' +
        'or `optimum-cli export onnx --task feature-extraction --model FOLDER FOLDER/onnx`',
    );
  }
  const name = basename(folder);
  return {
    folder,
    name,
    architecture: isStatic ? 'static' : 'transformer',
    network,
    pooling: poolingConfig ? poolingMode(poolingConfig, `${pooling!.path}/config.json`, fail) : 'mean',
    maxSeqLength: isStatic ? null : maxSeqLength(limits, tokenizerConfig, config, fail),
    lowercase: limits?.do_lower_case === true,
    weights: weights!,
    tokenizer,
    sha256: await identityOf(
      [join(folder, 'modules.json'), poolingFile, limitsFile, tokenizer, weights].filter((f) => f !== undefined),
    ),
  };
}

type Json = Readonly<Record<string, unknown>>;

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** undefined when the file is not there. */
async function readJson(file: string): Promise<Json | undefined> {
  const text = await readTextIfThere(file, 'encoder');
  return text === undefined ? undefined : parseJsonObject(text, file, 'encoder');
}

/** Older folders say `pooling_mode_mean_tokens: true`, newer ones `pooling_mode: "mean"`. */
function poolingMode(config: Json, file: string, fail: (what: string) => never): 'mean' | 'cls' | 'max' {
  const flagged = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  const modes =
    typeof config.pooling_mode === 'string'
      ? [config.pooling_mode]
      : flagged.map((key) => key.slice('pooling_mode_'.length).replace(/_tokens?$/, ''));
  const [mode] = modes;
  if (modes.length === 1 && (mode === 'mean' || mode === 'cls' || mode === 'max')) return mode;
  return fail(
    `: ${file} pools by ${modes.join(' with ') || 'nothing'}; mean, cls and max are computed here: use another encoder`,
  );
}

function maxSeqLength(
  limits: Json | undefined,
  tokenizer: Json | undefined,
  config: Json | undefined,
  fail: (what: string) => never,
): number {
  const stated = limits?.max_seq_length;
  const known = [tokenizer?.model_max_length, config?.max_position_embeddings].filter((n) => Number.isSafeInteger(n));
  const length = stated ?? (known.length > 0 ? Math.min(...(known as number[])) : undefined);
  if (Number.isSafeInteger(length) && (length as number) > 2) return length as number;
  return fail(`says max_seq_length ${JSON.stringify(length)}; write a whole number in sentence_bert_config.json`);
}

/** Of the files' contents with a zero byte after each; one that is not there counts as empty. Records name encoders by it. */
async function identityOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    if (await requireRegularFile(file, 'encoder'))
      for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
    hash.update('\0');
  }
  return hash.digest('hex');
}
