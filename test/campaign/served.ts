import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadTokenizer } from '../../lib/data/tokenizer';
import type { ScoringRow } from '../../lib/eval/loglikelihood';
import { createServerClient } from '../../lib/eval/server/client';
import { servedModel } from '../../lib/eval/server/models';
import { createServerScorer } from '../../lib/eval/server/server-scorer';
import { checkServerTokenizer } from '../../lib/eval/server/tokenizer-check';
import { mutateJson } from './mutate';
import { DATA, same, type Target } from './target';

/* What an OpenAI-compatible server answers: a file holds the answer, and a server on loopback gives it out. */

const MODEL = join(DATA, 'base');
const ANSWER = 'answer.json';
const IDS = [11, 12, 13, 14];

/** One whose every answer is what the folder's file holds. */
async function asking<T>(folder: string, ask: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(readFileSync(join(folder, ANSWER)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    return await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const clientOf = (url: string) => createServerClient({ url, retries: 0, pause: 1 });

type Form = 'ids' | 'texts';

/** A completion of one token after a prompt, as vLLM (ids) and others (texts) give it. */
const completion = (form: Form, ids: readonly number[], textOf: (id: number) => string) => {
  const scores = ids.map((_, i) => (i === 0 ? null : -i / 4));
  return {
    id: 'cmpl-1',
    object: 'text_completion',
    model: 'known',
    choices: [
      {
        index: 0,
        text: 'a',
        finish_reason: 'length',
        logprobs: {
          tokens: [...ids.map(textOf), 'a'],
          token_logprobs: [...scores, -1],
          top_logprobs: [
            ...scores.map((score, i) => (score === null ? null : { [textOf(ids[i]!)]: score })),
            { a: -1 },
          ],
          text_offset: [...ids.keys(), ids.length],
        },
        ...(form === 'texts'
          ? {}
          : {
              prompt_logprobs: scores.map(
                (one, i) => one && { [ids[i]!]: { logprob: one, rank: 1, decoded_token: '' } },
              ),
            }),
      },
    ],
    usage: { prompt_tokens: ids.length, total_tokens: ids.length + 1, completion_tokens: 1 },
  };
};

const answer = (name: string, content: () => Promise<object>, rest: Pick<Target, 'run' | 'wrong'>): Target => ({
  name: `server: ${name}`,
  file: ANSWER,
  isAlwaysFile: true,
  calledAs: '/v1/',
  prepare: async (folder) => writeFileSync(join(folder, ANSWER), JSON.stringify(await content())),
  mutate: mutateJson,
  ...rest,
});

/** One prompt of four tokens, of which the last two are asked for. */
const ROW: ScoringRow = {
  tree: { tokens: IDS.slice(0, 3), positions: [0, 1, 2], ends: [3, 3, 3] },
  picks: [
    { node: 1, target: IDS[2]! },
    { node: 2, target: IDS[3]! },
  ],
};

const scores = (form: Form) =>
  answer(`scores with ${form}`, async () => completion(form, IDS, (id) => `t${id}`), {
    run: (folder) =>
      asking(folder, async (url) => {
        const found: unknown[] = [];
        const options = { model: 'known', maxLength: 64, vocabSize: 300, atOnce: 1 };
        for await (const one of createServerScorer(clientOf(url), options).scoreRows([ROW])) found.push(...one.scores);
        return found;
      }),
    wrong: (value) => {
      const found = value as { logProb: unknown; isGreedy: unknown }[];
      if (found.length !== 2) return `${found.length} scores of 2`;
      const bad = found.find(
        ({ logProb, isGreedy }) =>
          !(Number.isFinite(logProb) && (logProb as number) <= 1e-3) || typeof isGreedy !== 'boolean',
      );
      return bad && JSON.stringify(bad);
    },
  });

const PROBE = 'What is a bone?';
const check = (form: Form) =>
  answer(
    `tokenizer by ${form}`,
    async () => {
      const tokenizer = await loadTokenizer(MODEL);
      return completion(form, await tokenizer.encode(PROBE, { addSpecialTokens: false }), tokenizer.textOf);
    },
    {
      run: (folder) =>
        asking(folder, async (url) => {
          const probes = [{ id: 'item-1', text: PROBE }];
          return checkServerTokenizer(clientOf(url), 'known', probes, await loadTokenizer(MODEL));
        }),
      wrong: (value) => (value === 'ids' || value === 'texts' ? undefined : String(value)),
    },
  );

export const SERVED_TARGETS: readonly Target[] = [
  scores('ids'),
  scores('texts'),
  check('ids'),
  check('texts'),
  answer(
    'models',
    async () => ({
      object: 'list',
      data: ['other', 'known'].map((id) => ({
        id,
        object: 'model',
        created: 1,
        owned_by: 'vllm',
        max_model_len: 4096,
      })),
    }),
    {
      run: (folder) => asking(folder, (url) => servedModel(clientOf(url), 'known')),
      wrong: (value, before) => {
        if (value === undefined || same(value, before)) return undefined;
        const { id, maxModelLen } = value as { id: unknown; maxModelLen: unknown };
        const isLength =
          maxModelLen === undefined || (Number.isSafeInteger(maxModelLen) && (maxModelLen as number) > 0);
        return id === 'known' && isLength ? undefined : JSON.stringify(value);
      },
    },
  ),
];
