import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { conversationEncoder, type EncodeConversation } from '../data/conversation';
import { modelFolderOf } from '../data/sources/model';
import { TEMPLATES, type TemplateName } from '../data/template';
import { textStream } from '../data/text-stream';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { assertFits } from '../data/tokenizer-fits';
import { type DeviceName, openDevice } from '../engine/device';
import { DEVICE_HELP, PLUGIN_HELP } from '../engine/device-names';
import { createState } from '../engine/state';
import { terminalText } from '../escape';
import { createGenerator } from '../model/generate';
import { type ChooseToken, likeliest, sampler } from '../model/sampling';
import { tunedModel } from '../model/tuned';
import { createRandom, requireSeed } from '../random';
import { BUNDLED_BASE, openAdapterAt, openModelAt } from '../run/open-model';
import { readTrainedTemplate } from '../run/trained-template';
import { callersFolder } from './interrupt';

/** What `generate` and `chat` share: the model that speaks, and how its tokens are chosen and shown. */

export interface SpeakerOptions {
  readonly model?: string;
  readonly adapter?: string;
  readonly template?: string;
  readonly tokens: string;
  readonly temperature: string;
  readonly topK?: string;
  readonly topP?: string;
  readonly seed: string;
  readonly device: string;
  readonly plugin?: string;
}

export const withSpeakerOptions = (command: Command, template: TemplateName): Command =>
  command
    .option(
      '--model <folder>',
      'a Llama in a Hugging Face folder, a fine-tune of this workbook’s among them, or the Hub id of one that `med42 fetch` brought  (default: the bundled base)',
    )
    .option('--adapter <folder>', 'a PEFT LoRA adapter for that model')
    .option(
      '--template <name>',
      `${TEMPLATES.join(' | ')}: the paper’s, the tokenizer’s own, or the bare text  (default: what the model was trained ` +
        `with, where its folder says so; else ${template})`,
    )
    .option('--tokens <n>', 'new tokens at most', '100')
    .option('--temperature <t>', '0: always the likeliest token; above 0: drawn, the likeliest less often', '0')
    .option('--top-k <n>', 'draws among the n likeliest tokens')
    .option('--top-p <p>', 'draws among the likeliest tokens that together have probability p')
    .option('--seed <n>', 'of what is drawn', '0')
    .option('--device <name>', DEVICE_HELP, 'cpu')
    .option('--plugin <file>', PLUGIN_HELP);

export interface Speaker {
  /** Tokens that prompt and answer may have together. */
  readonly maxLength: number;
  /** New tokens at most. */
  readonly limit: number;
  readonly tokenizer: Tokenizer;
  readonly encode: EncodeConversation;
  /** What is to be said of a reply without a text. */
  readonly emptyReply: string;
  /**
   * Continues `ids` by `limit` tokens at most, or as many as the context holds.
   *
   * @param write called with each piece of text that is whole
   * @param isStopped asked after each token
   * @returns the whole text
   */
  speak(ids: readonly number[], write: (text: string) => void, isStopped?: () => boolean): Promise<string>;
  dispose(): Promise<void>;
}

/**
 * @param owner the command's name, for messages
 * @param otherwise the template where neither `--template` nor the model's folder names one
 * @param say takes what is said while the model is loaded
 * @throws naming the option that is wrong, before a model is loaded
 */
export async function openSpeaker(
  owner: string,
  options: SpeakerOptions,
  otherwise: TemplateName,
  say: (text: string) => void,
): Promise<Speaker> {
  const limit = wholeNumber(owner, 'tokens', options.tokens, 1);
  const choose = readSampling(owner, options);
  const given = TEMPLATES.find((name) => name === options.template);
  if (options.template !== undefined && given === undefined) {
    throw new Error(`${owner}: --template must be one of ${TEMPLATES.join(', ')}, got "${options.template}"`);
  }
  const from = callersFolder();
  const folder = options.model ? modelFolderOf(options.model, from) : BUNDLED_BASE;
  const adapterFolder = options.adapter === undefined ? undefined : resolve(from, options.adapter);
  say(`loading the model ${relative(from, folder) || '.'}`);
  const base = await openModelAt(folder);
  const tokenizer = await loadTokenizer(base.folder);
  assertFits(tokenizer, base.config.vocabSize);
  const trained = await readTrainedTemplate(adapterFolder ?? base.folder);
  const template = given ?? trained ?? otherwise;
  const encode = await conversationEncoder(template, base.folder, tokenizer, adapterFolder);
  const device = await openDevice(options.device as DeviceName, undefined, {
    flushDenormals: true,
    ...(options.plugin === undefined ? {} : { plugin: resolve(from, options.plugin) }),
  });
  if (device.note) say(device.note);
  const adapter = adapterFolder === undefined ? undefined : await openAdapterAt(adapterFolder, base);
  if (trained !== undefined && given === undefined) say(`template: ${template}, as in its training`);
  say('building the graph');
  const model = adapter ? tunedModel(adapter.base, 'lora', adapter.config) : tunedModel(base, 'base');
  const state = await createState(device, adapter?.adapter ?? {});
  const generator = await createGenerator(model, state, device, tokenizer.stopIds);
  const maxLength = base.config.maxPositionEmbeddings;
  return {
    maxLength,
    limit,
    tokenizer,
    encode,
    emptyReply: emptyReply(template, trained),
    speak: async (ids, write, isStopped = () => false) => {
      const show = textStream(tokenizer, ids);
      let said = '';
      // With no room left the generator says what does not fit.
      const room = ids.length < maxLength ? Math.min(limit, maxLength - ids.length) : limit;
      await generator.generate(ids, room, {
        choose,
        onToken: async (token) => {
          const fresh = await show(token);
          said += fresh;
          if (fresh !== '') write(fresh);
          return !isStopped();
        },
      });
      return said;
    },
    dispose: async () => {
      await generator.dispose();
      state.dispose();
    },
  };
}

function emptyReply(template: TemplateName, trained: TemplateName | undefined): string {
  const other = trained !== undefined && trained !== template ? `: it was trained with --template ${trained}` : '';
  return `[the reply is empty: the model ended it at once with --template ${template}${other}]`;
}

function readSampling(owner: string, options: SpeakerOptions): ChooseToken {
  const number = (name: string, given: string): number => {
    const value = given.trim() === '' ? Number.NaN : Number(given);
    if (Number.isNaN(value)) throw new Error(`${owner}: --${name} must be a number, got "${given}"`);
    return value;
  };
  const temperature = number('temperature', options.temperature);
  const seed = requireSeed(options.seed, (must) => new Error(`${owner}: --seed ${must}`));
  const narrow = {
    ...(options.topK === undefined ? {} : { topK: number('top-k', options.topK) }),
    ...(options.topP === undefined ? {} : { topP: number('top-p', options.topP) }),
  };
  if (temperature === 0) {
    if (Object.keys(narrow).length === 0) return likeliest;
    throw new Error(`${owner}: --top-k and --top-p need a --temperature above 0, for without one no token is drawn`);
  }
  return sampler({ temperature, ...narrow }, createRandom(seed, 'sampling'));
}

function wholeNumber(owner: string, name: string, given: string, least: number): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${owner}: --${name} must be a whole number of ${least} or more, got "${given}"`);
}

/** Prints text of a model, or of who speaks to it: none of it moves the cursor, sets a title or turns a line around. */
export const printText = (text: string): void => {
  process.stdout.write(terminalText(text));
};
