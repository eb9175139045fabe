import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireChatTemplate } from '../../lib/data/chat/chat-template';
import type { Rendering } from '../../lib/data/chat/rendering';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { assertFits } from '../../lib/data/tokenizer-fits';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { hashWeights } from '../../lib/model/hash-weights';
import { LORA_TARGETS, loraOf } from './lora';
import { mutateBytes, mutateJson } from './mutate';
import { DATA, same, type Target } from './target';
import { mutateTemplate } from './templates';

/* What people bring: a model, its tokenizer, an adapter. */

const BASE = join(DATA, 'base');
const copyBase = async (folder: string) => cpSync(BASE, folder, { recursive: true });

const model = (file: string, mutate: Target['mutate']): Target => ({
  name: `model: ${file}`,
  file,
  prepare: copyBase,
  mutate,
  run: async (folder) => {
    const base = await openModelFolder(folder);
    return { config: base.config, weights: await hashWeights(base) };
  },
  wrong: (value) => {
    const { config } = value as { config: Record<string, unknown> };
    const bad = Object.entries(config).find(
      ([, one]) => typeof one === 'number' && !(Number.isFinite(one) && one >= 0),
    );
    return bad && `${bad[0]} is ${bad[1]}`;
  },
});

const tokenizer = (file: string): Target => ({
  name: `tokenizer: ${file}`,
  file,
  prepare: copyBase,
  mutate: mutateJson,
  run: async (folder) => {
    const base = await openModelFolder(BASE);
    const opened = await loadTokenizer(folder);
    assertFits(opened, base.config.vocabSize);
    const encoded = await opened.encode('What is a bone? naïve café', { bos: true, eos: true } as never);
    return { encoded, size: base.config.vocabSize };
  },
  wrong: (value) => {
    const { encoded, size } = value as { encoded: unknown; size: number };
    const ids = JSON.stringify(encoded).match(/-?\d+(?:\.\d+)?/g) ?? [];
    return ids.length > 0 && ids.every((id) => Number.isInteger(Number(id)) && Number(id) < size) ? undefined : 'ids';
  },
});

const CONVERSATIONS = [
  [
    { role: 'user', content: 'What is a bone?' },
    { role: 'assistant', content: 'A part of a skeleton.' },
  ],
  [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'naïve café' },
    { role: 'assistant', content: 'Yes.' },
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content: 'So.' },
  ],
] as const;

const chatTemplate: Target = {
  name: 'chat template',
  file: 'tokenizer_config.json',
  prepare: async (folder) =>
    writeFileSync(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({
        bos_token: '<s>',
        eos_token: { content: '</s>' },
        chat_template: '{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}',
      }),
    ),
  mutate: mutateTemplate,
  run: async (folder) => {
    const template = await requireChatTemplate(folder);
    return template.render(CONVERSATIONS.map((messages) => ({ messages, learn: true })));
  },
  wrong: (value) => {
    const bad = (value as Rendering[]).find(
      ({ text, learnt }) =>
        typeof text !== 'string' ||
        learnt.length === 0 ||
        learnt.some(([from, to]) => !(from <= to && to <= text.length)),
    );
    return bad && JSON.stringify(bad);
  },
};

const adapter = (file: string, mutate: Target['mutate']): Target => ({
  name: `adapter: ${file}`,
  file,
  prepare: async (folder) => {
    const base = await openModelFolder(BASE);
    mkdirSync(folder, { recursive: true });
    await saveAdapterFolder(folder, LORA_TARGETS, BASE, loraOf(base.config), {
      title: 'A LoRA adapter',
      details: 'Made up.',
    });
  },
  mutate,
  run: async (folder) => {
    const opened = await openAdapterFolder(folder, await openModelFolder(BASE));
    return { config: opened.config, names: Object.keys(opened.adapter).sort() };
  },
  wrong: (value, before) => {
    const names = (one: unknown) => (one as { names: string[] }).names;
    return same(names(value), names(before)) ? undefined : 'other tensors than the adapter has';
  },
});

export const MODEL_TARGETS: readonly Target[] = [
  model('config.json', mutateJson),
  model('model.safetensors', mutateBytes),
  tokenizer('tokenizer.json'),
  tokenizer('tokenizer_config.json'),
  chatTemplate,
  adapter('adapter_config.json', mutateJson),
  adapter('adapter_model.safetensors', mutateBytes),
];
