import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files';

/** The encoder of Platypus' decontamination, which the paper says it follows. */
export const HUB_ENCODER = 'sentence-transformers/all-MiniLM-L6-v2';

const FILES = [
  'modules.json',
  '1_Pooling/config.json',
  'sentence_bert_config.json',
  'config.json',
  'tokenizer_config.json',
  'tokenizer.json',
  'onnx/model.onnx',
];

export interface FetchOptions {
  readonly model?: string;
  /** Default: HF_ENDPOINT, else the Hub. */
  readonly host?: string;
  readonly revision?: string;
  readonly say?: (line: string) => void;
}

/**
 * A SentenceTransformers folder from the Hugging Face Hub, fetched once into `cache`; the files it already has are not
 * asked for. A file is there wholly or not at all.
 *
 * @returns the folder
 * @throws when there is no network or the Hub answers with anything but the file
 */
export async function fetchEncoder(cache: string, options: FetchOptions = {}): Promise<string> {
  const { model = HUB_ENCODER, revision = 'main', say } = options;
  const host = (options.host ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '');
  const folder = join(cache, ...model.split('/'));
  const lacking = FILES.filter((file) => !existsSync(join(folder, file)));
  if (lacking.length > 0) say?.(`fetching ${model} from ${host}`);
  await mkdir(folder, { recursive: true });
  for (const file of lacking) {
    const url = `${host}/${model}/resolve/${revision}/${file}`;
    await fetchFile(url, join(folder, file));
  }
  return folder;
}

/** A host that does not answer at all is given up after this; a slow one is not. */
const PATIENCE_MS = 15_000;

async function fetchFile(url: string, path: string): Promise<void> {
  const give = (why: string, cause?: unknown): Error =>
    new Error(`hub: ${url} cannot be fetched (${why}); give an encoder's folder with --encoder`, { cause });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
  let response: Response;
  try {
    response = await fetch(url, { signal: abort.signal });
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw give(abort.signal.aborted ? `no answer in ${PATIENCE_MS / 1000} s` : (cause?.code ?? message), error);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok || !response.body) throw give(`status ${response.status}`);
  const expected = Number(response.headers.get('content-length') ?? Number.NaN);
  const body = response.body;
  await writeFileAtomic(path, async (file) => {
    let got = 0;
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      await file.writeFile(piece);
      got += piece.length;
    }
    // A compressed answer has another length than its content.
    const whole = !Number.isFinite(expected) || got === expected || response.headers.has('content-encoding');
    if (!whole) throw give(`it ended after ${got} of ${expected} bytes`);
  });
}
