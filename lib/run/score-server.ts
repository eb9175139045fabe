import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { loadTokenizer } from '../data/tokenizer';
import type { LoglikelihoodRequest } from '../eval/requests';
import { createServerClient, type ServerOptions } from '../eval/server/client';
import { servedModel } from '../eval/server/models';
import { createServerScorer, type ServerCost } from '../eval/server/server-scorer';
import { checkServerTokenizer } from '../eval/server/tokenizer-check';
import { parseJsonObject, readSmallFile } from '../json-file';
import { checkFields, looseFields, whole } from '../schema';
import { clock, type Progress } from './progress';
import type { ScoreCommand } from './score-options';
import type { ScoringEngine } from './scoring-engine';
import type { ServerSettings } from './server-options';

/** Items whose tokens are compared. */
export const PROBED = 5;
/** Of each, characters at most. */
const PROBE_LENGTH = 1500;
/** What a server adds to the tokens that the model reads: the last token of an answer, and one that it generates. */
const BESIDE = 2;

/**
 * A server as what scores: the model is asked for by its name, the tokenizer is read here.
 *
 * @param requests one of each of some items: the texts by which tokenizers are compared
 * @param key of the server, from the environment
 * @throws naming what is wrong: address, key, model, tokenizer, or a server without log-probabilities of the prompt
 */
export async function serverEngine(
  command: ScoreCommand & { readonly server: ServerSettings },
  requests: readonly LoglikelihoodRequest[],
  progress: Progress,
  options: Omit<ServerOptions, 'url' | 'say'> = keyFromEnvironment(),
): Promise<ScoringEngine> {
  const { url, atOnce } = command.server;
  const client = createServerClient({ url, say: (line) => progress.say(line), ...options });
  if (options.key !== undefined && !isGuarded(client.base)) {
    progress.say(`the key goes to ${client.base} unencrypted; use https:// where the network is not your own`);
  }
  const tokenizer = await loadTokenizer(command.server.tokenizer);
  const config = await configOf(command.server.tokenizer);
  const served = await servedModel(client, command.model);
  const maxLength = contextOf(command, config.maxPositionEmbeddings, served?.maxModelLen);
  const length = Math.min(PROBE_LENGTH, maxLength);
  const probes = requests.map(({ id, context, continuation }) => ({
    id,
    text: [...(context + continuation)].slice(0, length).join(''),
  }));
  const tokenizerChecked = await checkServerTokenizer(client, command.model, probes, tokenizer);
  progress.say(
    `${client.base} serves ${command.model}; its tokenizer gives the same ${tokenizerChecked} as ours for ` +
      `${probes.length} items; contexts of ${maxLength} tokens`,
  );
  return {
    tokenizer,
    maxLength,
    weights: ['server', command.model, maxLength],
    open: async (signal) => {
      let [plan, cost]: ServerCost[] = [
        { requests: 0, promptTokens: 0 },
        { requests: 0, promptTokens: 0 },
      ];
      const began = performance.now();
      return {
        scorer: createServerScorer(client, {
          model: command.model,
          maxLength,
          vocabSize: config.vocabSize ?? tokenizer.vocabSize,
          atOnce,
          signal,
          onPlan: (all) => {
            plan = all;
            progress.say(`to ask: ${shown(all.requests)} requests, ${shown(all.promptTokens)} prompt tokens in all`);
          },
          onCost: (now) => {
            cost = now;
          },
        }),
        details: () => {
          const seconds = (performance.now() - began) / 1000;
          const rate = (cost!.promptTokens / Math.max(seconds, 1e-3)).toFixed(0);
          return `items  ${shown(cost!.promptTokens)} of ${shown(plan!.promptTokens)} tokens  ${rate} tokens/s`;
        },
        named: () => ({
          model: command.model,
          adapter: null,
          device: null,
          server: {
            url: client.base,
            tokenizer: basename(command.server.tokenizer),
            tokenizerChecked,
            atOnce,
            ...cost!,
            retried: client.retried,
          },
        }),
        dispose: () => {
          if (cost!.requests === 0) return;
          const time = clock((performance.now() - began) / 1000);
          progress.say(
            `asked: ${shown(cost!.requests)} requests, ${shown(cost!.promptTokens)} prompt tokens and as many generated ` +
              `tokens as requests, in ${time}; ${client.retried} asked once more`,
          );
        },
      };
    },
  };
}

const shown = (count: number): string => count.toLocaleString('en');

const keyFromEnvironment = (): Pick<ServerOptions, 'key'> => ({ key: process.env.OPENAI_API_KEY?.trim() || undefined });

/** What is sent there cannot be read on the way. */
const isGuarded = (base: string): boolean => {
  const { protocol, hostname } = new URL(base);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
};

const CONFIG = looseFields({ max_position_embeddings: whole(1, 2 ** 31 - 1), vocab_size: whole(1, 2 ** 24) });

/** What the tokenizer's folder says of the model, where a config.json lies beside it. */
async function configOf(folder: string): Promise<{ maxPositionEmbeddings?: number; vocabSize?: number }> {
  const file = join(folder, 'config.json');
  if (!existsSync(file)) return {};
  const raw = parseJsonObject((await readSmallFile(file, 'score')).toString('utf8'), file, 'score');
  const mend = 'correct it as the model was made, or give --max-length and take the file away';
  const { max_position_embeddings: length, vocab_size: size } = checkFields(CONFIG, raw, `score: ${file}`, mend);
  return {
    ...((length ?? undefined) === undefined ? {} : { maxPositionEmbeddings: length! }),
    ...((size ?? undefined) === undefined ? {} : { vocabSize: size! }),
  };
}

/** The shortest of what is said: by the user, by config.json, by the server. */
function contextOf({ server }: ScoreCommand, config: number | undefined, served: number | undefined): number {
  const known = [server!.maxLength ?? config, served === undefined ? undefined : served - BESIDE];
  const lengths = known.filter((length) => length !== undefined);
  if (lengths.length === 0) {
    throw new Error(
      `score: neither ${join(server!.tokenizer, 'config.json')} (max_position_embeddings) nor the server says how many tokens ` +
        'the model reads; give them with --max-length',
    );
  }
  const least = Math.min(...lengths);
  if (least < 1)
    throw new Error(`score: the server reads ${served} tokens, of which ${BESIDE} are for the answer; raise its limit`);
  return least;
}
