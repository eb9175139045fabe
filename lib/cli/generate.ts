import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { renderPrompt } from '../data/template';
import { loadTokenizer } from '../data/tokenizer';
import { type DeviceName, openDevice } from '../engine/device';
import { createState } from '../engine/state';
import { WORKBOOK_ROOT } from '../files';
import { openAdapterFolder } from '../model/adapter-folder';
import { openModelFolder } from '../model/folder';
import { createGenerator } from '../model/generate';
import { tunedModel } from '../model/tuned';

const USAGE = `npm run generate -- --prompt TEXT [options]

  --model FOLDER    a Llama in a Hugging Face folder, a fine-tune of this workbook's among them
                    (default: the bundled base)
  --adapter FOLDER  a PEFT LoRA adapter for that model
  --tokens N        new tokens at most                (default: 100)
  --chat            wraps the prompt in Med42's template
  --device NAME     cpu | webgpu | cuda | tfjs        (default: cpu)

Continues the text with the likeliest token each time.
Research only, not for clinical decisions: what it says may be wrong.`;

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: { model: text, adapter: text, prompt: text, tokens: text, device: text, chat: flag, help: flag },
  });
  if (values.help || values.prompt === undefined) {
    console.log(USAGE);
    if (!values.help) throw new Error('generate: --prompt is missing; give the text to continue');
    return;
  }
  const limit = Number(values.tokens ?? 100);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new Error(`generate: --tokens must be a whole number of 1 or more, got "${values.tokens}"`);
  }
  const from = process.env.INIT_CWD ?? process.cwd();
  const bundled = resolve(WORKBOOK_ROOT, 'data', 'miniature', 'base');
  const base = await openModelFolder(values.model ? resolve(from, values.model) : bundled);
  const tokenizer = await loadTokenizer(base.folder);
  const device = await openDevice((values.device ?? 'cpu') as DeviceName, undefined, { flushDenormals: true });
  const adapter = values.adapter ? await openAdapterFolder(resolve(from, values.adapter), base.config) : undefined;
  const model = adapter ? tunedModel(base, 'lora', adapter.config) : tunedModel(base, 'base');
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

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
