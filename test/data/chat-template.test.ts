import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { requireChatTemplate } from '../../lib/data/chat/chat-template';

/* What a chat template of a model from outside may do, and what it may not. */

const work = mkdtempSync(join(tmpdir(), 'chat-template-'));
afterAll(() => rmSync(work, { recursive: true }));

let made = 0;
function folderWith(template: string): string {
  const folder = mkdtempSync(join(work, `${made++}-`));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: template, eos_token: '</s>' }));
  return folder;
}
const CONVERSATION = {
  messages: [
    { role: 'user', content: 'Q' },
    { role: 'assistant', content: 'A' },
    { role: 'user', content: 'R' },
    { role: 'assistant', content: 'B' },
  ],
  learn: true,
} as const;
const renderWith = async (template: string) => {
  const opened = await requireChatTemplate(folderWith(template));
  return opened.render([CONVERSATION, CONVERSATION], ['first', 'second']);
};
const doubled = (times: number, what: string) =>
  `{% set ns = namespace(s=${what}) %}{% for i in range(${times}) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}`;

test('each answer is learnt, with what the template adds to it', async () => {
  const text = 'user:Q;assistant:A</s>user:R;assistant:B</s>';
  const rendering = { text, learnt: [[17, 22], [39, 44]] }; // biome-ignore format: a pair a line
  const template =
    "{% for m in messages %}{{ m.role }}:{{ m.content }}{% if m.role == 'user' %};{% else %}{{ eos_token }}{% endif %}" +
    '{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
  expect(await renderWith(template)).toEqual([rendering, rendering]);
});

test('control tokens that special_tokens_map.json names; an adapter’s own template comes first', async () => {
  const model = folderWith('{{ eos_token }}{{ bos_token }}');
  const written = async (adapter?: string) =>
    (await requireChatTemplate(model, adapter)).render([{ messages: [], learn: false }]).then(([one]) => one!.text);
  expect(await written()).toBe('</s>');
  writeFileSync(join(model, 'special_tokens_map.json'), '{"eos_token": "<end>", "bos_token": {"content": "<go>"}}');
  expect(await written()).toBe('<end><go>');
  expect(await written(folderWith('of the adapter'))).toBe('of the adapter');
  expect(await written(mkdtempSync(join(work, 'none-')))).toBe('<end><go>');
});

test('it may not change what came before', async () => {
  await expect(renderWith('{{ messages | length }}{{ messages[-1].content }}')).rejects.toThrow(
    /tokenizer_config\.json: "chat_template" must only add to a conversation .* before turn 2 \(example "first"\); use/,
  );
});

/** Sixty texts of 128 MiB. */
const LARGE =
  '{% set ns = namespace(s="ab", l=[]) %}{% for i in range(26) %}{% set ns.s = ns.s + ns.s %}{% endfor %}' +
  '{% for i in range(60) %}{% set ns.l = ns.l + [ns.s | upper] %}{% endfor %}';

describe.concurrent('what it does without end, or with all memory, is refused within seconds', () => {
  test.each<readonly [string, string, string | RegExp]>([
    [
      'a list of a billion',
      '{% for i in range(1000000000) %}x{% endfor %}',
      /(?:in 1024 MiB of memory: .* ended \(SIG|within 5 seconds)/,
    ],
    [
      'loops in loops that say nothing',
      '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
      'must render conversations within 5 seconds, and took longer (example "first")',
    ],
    ['a text doubled 60 times', doubled(60, '"ab"'), 'refuses a conversation ("it nests too deep, or makes too long a'],
    ['a list doubled 60 times', doubled(60, '["ab"]'), 'chat_template" '],
    [
      'a text doubled 17 times',
      doubled(17, '"ab"'),
      'must add at most 100000 characters to a conversation and 10 times',
    ],
    [
      'brackets in brackets',
      `{{ ${'('.repeat(100_000)} }}`,
      'is not a template that @huggingface/jinja reads ("it nests',
    ],
    ['an error of ten thousand letters', `{{ raise_exception("${'z'.repeat(10_000)}") }}`, /\("z{300}"\) \(example/],
  ])(
    '%s',
    async (_, template, message) => {
      const began = performance.now();
      const error = await renderWith(template).then(
        () => undefined,
        (caught: Error) => caught,
      );
      expect(error?.message).toMatch(
        /^chat template: \S+tokenizer_config\.json: "chat_template" .*; correct the template/,
      );
      expect(error?.message).toMatch(message);
      expect(performance.now() - began).toBeLessThan(30_000);
    },
    60_000,
  );
});

test('a list of templates must have names and texts', async () => {
  const folder = mkdtempSync(join(work, 'list-'));
  const write = (value: unknown) =>
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: value }));
  for (const wrong of [[null], 5, { default: 1 }, [{ name: 'default', template: 1 }]]) {
    write(wrong);
    await expect(requireChatTemplate(folder)).rejects.toThrow(
      `tokenizer_config.json: "chat_template" must be a text, or several by name (an object of texts, or a list of objects with "name" and "template"), got ${JSON.stringify(wrong)}; `,
    );
  }
  write([
    { name: 'tool_use', template: 'a' },
    { name: 'default', template: 'b' },
  ]);
  expect((await requireChatTemplate(folder)).source).toBe('b');
  write({ tool_use: 'a', default: 'c' });
  expect((await requireChatTemplate(folder)).source).toBe('c');
});

test('lines that end as on Windows are the same template', async () => {
  const lines = ['{% for m in messages %}', '{{ m.content }}', '', 'x{% endfor %}'];
  const conversation = [{ messages: [{ role: 'user', content: 'S' } as const], learn: false }];
  for (const end of ['\r\n', '\r']) {
    // Expected: Jinja2's NormalizedLoader, by transformers 5.23.0's apply_chat_template
    expect(await (await requireChatTemplate(folderWith(lines.join(end)))).render(conversation)).toEqual([
      { text: 'S\n\nx', learnt: [] },
    ]);
  }
});

test('templates in files that are not read are named', async () => {
  const folder = mkdtempSync(join(work, 'other-'));
  writeFileSync(join(folder, 'chat_template.json'), '{"chat_template": "a"}');
  await expect(requireChatTemplate(folder)).rejects.toThrow(
    'in tokenizer_config.json): write the "chat_template" of its chat_template.json as chat_template.jinja; use',
  );
  mkdirSync(join(folder, 'additional_chat_templates'));
  for (const name of ['tool.jinja', 'rag.jinja']) writeFileSync(join(folder, 'additional_chat_templates', name), 'a');
  await expect(requireChatTemplate(folder)).rejects.toThrow(
    'copy the one that is meant of additional_chat_templates/rag.jinja, additional_chat_templates/tool.jinja to chat_template.jinja; use',
  );
});

test('another conversation is rendered after one that ended the process', async () => {
  const opened = await requireChatTemplate(folderWith(`{% if messages[0].content == "Q" %}${LARGE}{% endif %}ok`));
  // On a busy machine the process takes its five seconds before it has taken all its memory; both end it.
  await expect(opened.render([CONVERSATION])).rejects.toThrow(
    /"chat_template" must render conversations (in 1024 MiB of memory: its process was ended \(\S+\)|within .*, and took longer); correct/,
  );
  expect(await opened.render([{ messages: [{ role: 'user', content: 'S' }], learn: false }])).toEqual([
    { text: 'ok', learnt: [] },
  ]);
});

test('a program that rendered ends by itself', () => {
  const program = `
    const { requireChatTemplate } = require('./dist/data/chat/chat-template');
    requireChatTemplate(process.argv[1]).then((one) => one.render([])).then(() => console.log('rendered'));`;
  const root = join(__dirname, '..', '..');
  const said = execFileSync(process.execPath, ['-e', program, folderWith('x')], { cwd: root, timeout: 30_000 });
  expect(said.toString()).toBe('rendered\n');
});
