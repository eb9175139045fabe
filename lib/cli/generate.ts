import { resolve } from 'node:path';
import { renderPrompt } from '../data/template';
import { loadTokenizer } from '../data/tokenizer';
import { type DeviceName, openDevice } from '../engine/device';
import { createState } from '../engine/state';
import { WORKBOOK_ROOT } from '../files';
import { openAdapterFolder } from '../model/adapter-folder';
import { openModelFolder } from '../model/folder';
import { createGenerator } from '../model/generate';
import { tunedModel } from '../model/tuned';
import { newCommand, readArguments } from '../run/arguments';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand('generate', 'Continues a text with the likeliest token each time. What it says may be wrong.')
    .requiredOption('--prompt <text>', 'the text to continue')
    .option(
      '--model <folder>',
      'a Llama in a Hugging Face folder, a fine-tune of this workbook’s among them  (default: the bundled base)',
    )
    .option('--adapter <folder>', 'a PEFT LoRA adapter for that model')
    .option('--tokens <n>', 'new tokens at most', '100')
    .option('--chat', 'wraps the prompt in Med42’s template')
    .option('--device <name>', 'cpu | webgpu | cuda | tfjs', 'cpu');

interface Given {
  readonly prompt: string;
  readonly model?: string;
  readonly adapter?: string;
  readonly tokens: string;
  readonly chat: boolean;
  readonly device: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options: values } = readArguments<Given>(command(), args);
  const limit = Number(values.tokens);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new Error(`generate: --tokens must be a whole number of 1 or more, got "${values.tokens}"`);
  }
  const from = callersFolder();
  const bundled = resolve(WORKBOOK_ROOT, 'data', 'miniature', 'base');
  const base = await openModelFolder(values.model ? resolve(from, values.model) : bundled);
  const tokenizer = await loadTokenizer(base.folder);
  const device = await openDevice(values.device as DeviceName, undefined, { flushDenormals: true });
  const adapter = values.adapter ? await openAdapterFolder(resolve(from, values.adapter), base) : undefined;
  const model = adapter ? tunedModel(adapter.base, 'lora', adapter.config) : tunedModel(base, 'base');
  const state = await createState(device, adapter?.adapter ?? {});
  const prompt = values.chat ? renderPrompt({ prompt: values.prompt }) : values.prompt;
  const ids = await tokenizer.encode(prompt, { addSpecialTokens: true });
  const generator = await createGenerator(model, state, device, [tokenizer.eosId]);
  try {
    const said: number[] = [];
    let shown = '';
    process.stdout.write(prompt);
    await generator.generate(ids, limit, async (token) => {
      said.push(token);
      const whole = await tokenizer.decode([...ids, ...said]);
      // A character may take several tokens: what ends in an unfinished one waits for the next.
      if (whole.endsWith('\uFFFD') || whole.length <= prompt.length + shown.length) return undefined;
      const fresh = whole.slice(prompt.length + shown.length);
      shown += fresh;
      process.stdout.write(fresh);
      return undefined;
    });
  } finally {
    await generator.dispose();
    state.dispose();
  }
  process.stdout.write('\n\n[research only, not for clinical decisions]\n');
}
