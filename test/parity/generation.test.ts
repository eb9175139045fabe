import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Message } from '../../lib/data/chat/rendering';
import { conversationEncoder } from '../../lib/data/conversation';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { openAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { createGenerator } from '../../lib/model/generate';
import { candidates, type Sampling } from '../../lib/model/sampling';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { normal } from '../model/tiny-llama';
import { endReference, MODELS, pythonReady, reference } from './python';

/**
 * Generation against transformers, run live by reference.py: 100 greedy tokens, with a peft adapter too; what
 * temperature, top-k and top-p leave; the tokens of a chat template.
 */
const work = mkdtempSync(join(tmpdir(), 'generation-'));
afterAll(() => {
  endReference();
  rmSync(work, { recursive: true });
});

interface Answer {
  readonly generated: number[][];
  readonly probabilities: number[][];
  readonly conversations: number[][];
}

let asked = 0;
async function ask(model: string, request: object, ...further: readonly string[]): Promise<Answer> {
  const [file, out] = ['request', 'answer'].map((name) => join(work, `${name}-${asked}.json`)) as [string, string];
  asked++;
  writeFileSync(file, JSON.stringify(request));
  await reference('generate', '--model', model, '--request', file, '--out', out, ...further);
  return JSON.parse(readFileSync(out, 'utf8'));
}

const LIMIT = 100;

describe.skipIf(!pythonReady).each(MODELS)('%s', (folder) => {
  test('100 greedy tokens after prompts of several lengths are transformers’ own, with an adapter too', async () => {
    const base = await openModelFolder(folder);
    const device = await openDevice('cpu', 2);
    const random = createRandom(3, 'prompts');
    const prompts = [2, 150].map((length) => Array.from({ length }, () => random.int(base.config.vocabSize - 3) + 3));
    const adapterFolder = join(work, `adapter-${basename(folder)}`);
    const shape = ['--rank', '4', '--alpha', '8', '--seed', '5'];
    await reference('make-adapter', '--model', folder, ...shape, '--out', adapterFolder);
    const { config, adapter } = await openAdapterFolder(adapterFolder, base);
    for (const [model, trained, further] of [
      [tunedModel(base, 'base'), {}, []],
      [tunedModel(base, 'lora', config), adapter, ['--adapter', adapterFolder]],
    ] as const) {
      const { generated } = await ask(folder, { prompts, limit: LIMIT }, ...further);
      const generator = await createGenerator(model, await createState(device, trained), device, []);
      for (const [i, prompt] of prompts.entries()) {
        expect(await generator.generate(prompt, LIMIT), `${model.method}, ${prompt.length}`).toEqual(generated[i]);
      }
      await generator.dispose();
    }
  });
});

describe.skipIf(!pythonReady || MODELS.length === 0)('settings', () => {
  test('temperature, top-k and top-p keep transformers’ tokens with their probabilities', async () => {
    const random = createRandom(11, 'logits');
    const spread = (size: number, by: number) => normal([size], random, by).data as Float32Array;
    // Halves and ties: what lies on an edge must fall on the same side.
    const tied = Float32Array.from({ length: 40 }, (_, i) => [2, 1, 1, 0.5, -3][i % 5]!);
    const settings: readonly Sampling[] = [
      { temperature: 1 },
      { temperature: 0.3 },
      { temperature: 1.7, topK: 1 },
      { temperature: 1, topK: 5 },
      { temperature: 0.7, topK: 1000 },
      { temperature: 1, topP: 0.9 },
      { temperature: 0.5, topP: 0.3 },
      { temperature: 2, topP: 0.999 },
      { temperature: 1, topP: 1 },
      { temperature: 1, topP: 1e-6 },
      { temperature: 0.8, topK: 50, topP: 0.95 },
      { temperature: 1.3, topK: 7, topP: 0.5 },
    ];
    const cases = [spread(300, 3), spread(32000, 2), tied].flatMap((scores) =>
      settings.map((one) => ({ scores, one })),
    );
    const warps = cases.map(({ scores, one }) => ({ logits: [...scores], ...one }));
    const { probabilities } = await ask(MODELS[0]!, { warps });
    for (const [i, { scores, one }] of cases.entries()) {
      const label = `${scores.length} scores, ${JSON.stringify(one)}`;
      const kept = candidates(scores, one);
      const expected = probabilities[i]!;
      const theirs = [...expected.keys()].filter((id) => expected[id]! > 0);
      // Which of equal scores top-p takes hangs on a sort that is not stable: of ties, only how many.
      const compared = (ids: readonly number[]) => (scores === tied ? ids.map((id) => scores[id]).sort() : ids);
      expect(compared(kept.ids), label).toEqual(compared(theirs));
      const [ours, reference] = [[...kept.probabilities], theirs.map((id) => expected[id]!)];
      if (scores === tied) for (const list of [ours, reference]) list.sort((a, b) => a - b);
      const far = ours.map((probability, at) => Math.abs(probability - reference[at]!));
      expect(Math.max(...far), label).toBeLessThan(1e-6);
    }
  });

  const conversations: readonly (readonly Message[])[] = [
    [{ role: 'user', content: 'What does the heart do?' }],
    [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: ' two  spaces\n\nand lines ' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'é 😀 <b>' },
    ],
  ];
  const chatMl =
    "{% for m in messages %}{{ bos_token + m['role'] + '\\n' + m['content'] | trim + eos_token + '\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ bos_token + 'assistant\\n' }}{% endif %}";

  test.each(MODELS)('a chat template gives transformers’ tokens: %s', async (model) => {
    const folder = join(work, `chat-${basename(model)}`);
    cpSync(model, folder, { recursive: true });
    writeFileSync(join(folder, 'chat_template.jinja'), chatMl);
    const expected = (await ask(folder, { conversations })).conversations;
    const encode = await conversationEncoder('model', folder, await loadTokenizer(folder));
    for (const [i, messages] of conversations.entries()) expect(await encode(messages)).toEqual(expected[i]);
  });
});
