import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messagesOf, requireChatTemplate } from '../../lib/data/chat/chat-template';

/** Chat templates as model folders have them. */

const TURNS =
  "{% for m in messages %}{% if m['role'] == 'user' %}[Q]{{ m['content'] }}[/Q]{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}";
/** As TRL's `assistant_only_loss` wants it. */
const GENERATION = TURNS.replace(
  "{{ m['content'] }}{{ eos_token }}",
  "{% generation %}{{ m['content'] }}{{ eos_token }}{% endgeneration %}",
);

function folder(config: object, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'own-templates-'));
  writeFileSync(join(root, 'tokenizer_config.json'), JSON.stringify({ eos_token: '</s>', ...config }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}
const EXAMPLE = { history: [{ prompt: 'Ask?', response: 'Say.' }], prompt: 'And?', response: 'That.' };
const RENDERED = '[Q]Ask?[/Q]Say.</s>[Q]And?[/Q]That.</s>';

test.each<readonly [string, string]>([
  ['in tokenizer_config.json', folder({ chat_template: TURNS })],
  [
    'the default one of several',
    folder({
      chat_template: [
        { name: 'tool_use', template: 'x' },
        { name: 'default', template: TURNS },
      ],
    }),
  ],
  ['in a file of its own, which wins', folder({ chat_template: 'x' }, { 'chat_template.jinja': TURNS })],
  ['in a file beside others', folder({}, { 'chat_template.jinja': TURNS, 'additional_chat_templates/rag.jinja': 'x' })],
  ['with the stretches that TRL learns marked', folder({ chat_template: GENERATION })],
])('a template %s: of each answer all is learnt, and its end', async (_, root) => {
  const template = await requireChatTemplate(root);
  const [rendering] = await template.render([{ messages: messagesOf(EXAMPLE), learn: true }]);
  const { text, learnt } = rendering!;
  expect(text).toBe(RENDERED);
  expect(learnt.map(([from, to]) => text.slice(from, to))).toEqual(['Say.</s>', 'That.</s>']);
});

test.each<readonly [string, string, readonly string[]]>([
  // Expected: transformers 5.23.0, render_jinja_template with return_assistant_tokens_mask
  [
    'less than it adds',
    GENERATION.replace('{{ eos_token }}{% endgeneration %}', '{% endgeneration %}{{ eos_token }}'),
    ['Say.', 'That.'],
  ],
  [
    'what is told apart by white space alone',
    GENERATION.replace('{% generation %}', ' {%- generation -%}\n').replace(
      '{% endgeneration %}',
      '\n  {%- endgeneration %}\n',
    ),
    ['Say.</s>', 'That.</s>'],
  ],
  [
    'the last answer, where it shortens the earlier ones',
    TURNS.replace(
      "{{ m['content'] }}{{ eos_token }}",
      "{% if loop.last %}{% generation %}{{ m['content'] }}{{ eos_token }}{% endgeneration %}{% else %}{{ m['content'].split('a')[0] }}{% endif %}",
    ),
    ['That.</s>'],
  ],
])('what a template encloses in its generation block is learnt: %s', async (_, source, expected) => {
  const template = await requireChatTemplate(folder({ chat_template: source }));
  const [rendering] = await template.render([{ messages: messagesOf(EXAMPLE), learn: true }]);
  expect(rendering!.learnt.map(([from, to]) => rendering!.text.slice(from, to))).toEqual(expected);
});

test('a generation block that encloses nothing of a conversation is refused', async () => {
  const source = GENERATION.replace('{% generation %}', "{% if m['role'] == 'model' %}{% generation %}").replace(
    '{% endgeneration %}',
    '{% endgeneration %}{% endif %}',
  );
  const template = await requireChatTemplate(folder({ chat_template: source }));
  await expect(template.render([{ messages: messagesOf(EXAMPLE), learn: true }], ['x'])).rejects.toThrow(
    'encloses nothing of a conversation (example "x"); correct the template, or use --template med42 or none',
  );
});

test.each<readonly [string, string, number]>([
  // A role, or a field, of another program's conversations: jinja writes nothing for it.
  ['answers of a role that is not asked for', TURNS.replace('{% else %}', "{% elif m['role'] == 'model' %}"), 2],
  [
    'answers in a field that is not there',
    TURNS.replace("{% else %}{{ m['content'] }}", "{% else %}{{ m['text'] }}"),
    2,
  ],
  [
    'answers, between its marks',
    GENERATION.replace("{% generation %}{{ m['content'] }}", "{% generation %}{{ m['text'] }}"),
    4,
  ],
  ['questions', TURNS.replace("[Q]{{ m['content'] }}", "[Q]{{ m['text'] }}"), 1],
  ['questions, beside its marks', GENERATION.replace("[Q]{{ m['content'] }}", "[Q]{{ m['text'] }}"), 3],
])('a template that leaves out %s is refused', async (_, source, turn) => {
  const template = await requireChatTemplate(folder({ chat_template: source }));
  await expect(template.render([{ messages: messagesOf(EXAMPLE), learn: true }], ['x'])).rejects.toThrow(
    `what the user or the assistant says in turn ${turn} of a conversation is not there (example "x"); correct the template`,
  );
});

const WITHOUT_SYSTEM = TURNS.replace('{% else %}', "{% elif m['role'] == 'assistant' %}");
const SYSTEM = "{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] | trim | upper }}{% endif %}";

test.each<readonly [string, string, true | undefined]>([
  ['of a role that is not asked for', WITHOUT_SYSTEM, true],
  ['beside its marks', GENERATION.replace('{% else %}', "{% elif m['role'] == 'assistant' %}"), true],
  ['in whose place it writes another', `Be brief.${WITHOUT_SYSTEM}`, true],
  ['that it changes', WITHOUT_SYSTEM.replace('{% for m in messages %}', SYSTEM), undefined],
  ['that it writes as it is', TURNS, undefined],
  [
    'of which it writes a part',
    WITHOUT_SYSTEM.replace('{% for m in messages %}', '{{ messages[0].content[:5] }}{% for m in messages %}'),
    undefined,
  ],
])('a system prompt %s: it is noted where it is left out', async (_, source, losesSystem) => {
  const template = await requireChatTemplate(folder({ chat_template: source }));
  // What it says stands in an answer too.
  const messages = messagesOf({ ...EXAMPLE, system: ' Say. ' });
  const noted = await template.render([
    { messages, learn: true },
    { messages: messages.slice(0, -1), learn: false },
    { messages: messagesOf(EXAMPLE), learn: true },
  ]);
  expect(noted.map((one) => one.losesSystem)).toEqual([losesSystem, losesSystem, undefined]);
});

test('a template that refuses a system prompt names the row, and says where to put it', async () => {
  // As google/gemma-2 has it.
  const source = `{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}${TURNS}`;
  const template = await requireChatTemplate(folder({ chat_template: source }));
  const plain = { messages: messagesOf(EXAMPLE), learn: true };
  const render = template.render([plain, { ...plain, messages: messagesOf({ ...EXAMPLE, system: 'S' }) }], ['x', 'y']);
  await expect(render).rejects.toThrow(
    /tokenizer_config\.json: "chat_template" refuses a conversation \("System role not supported"\) \(example "y"\); put its system prompt into the first question if the template takes none, correct the template, or use --template med42 or none$/,
  );
});

test('what a template trims, and thoughts that it leaves out, are no lost turn', async () => {
  const source = TURNS.replace(
    "{% else %}{{ m['content'] }}",
    "{% else %}{{ (m['content'].split('</think>') | last) | trim }}",
  );
  const template = await requireChatTemplate(folder({ chat_template: source }));
  const messages = messagesOf({ prompt: ' Ask? ', response: '<think>So\nmuch.</think>\nSay it.\n\n' });
  const [rendering] = await template.render([{ messages, learn: true }]);
  expect(rendering!.text).toBe('[Q] Ask? [/Q]Say it.</s>');
});

test.each<readonly [string, string]>([
  // Expected: transformers 5.23.0, apply_chat_template
  ["{{ 'none' if tools is none }}{{ 'none' if documents is none }}{{ '' if tools is defined else 'no' }}", 'nonenone'],
  ['{% if tools is not none %}tools{% endif %}{% if tools %}tools{% endif %}.', '.'],
  ['{{ bos_token }}{{ eos_token }}{{ cls_token }}', '<s></s><cls>'],
])('a template sees what transformers gives it: %s', async (source, expected) => {
  const map = { bos_token: { content: '<s>' }, cls_token: '<cls>' };
  const root = folder({ chat_template: source }, { 'special_tokens_map.json': JSON.stringify(map) });
  const template = await requireChatTemplate(root);
  const [rendering] = await template.render([{ messages: messagesOf(EXAMPLE), learn: false }]);
  expect(rendering!.text).toBe(expected);
});

test.each<readonly [string, string, string]>([
  ['none', folder({}), 'has none (chat_template.jinja, or "chat_template" in tokenizer_config.json)'],
  [
    'several and no default',
    folder({ chat_template: [{ name: 'rag', template: TURNS }] }),
    'has several ("rag") of which none is called "default"; save the one that is meant as chat_template.jinja',
  ],
  [
    'a template that is none',
    folder({ chat_template: '{% for %}' }),
    'is not a template that @huggingface/jinja reads',
  ],
])('%s is refused', async (_, root, message) => {
  await expect(requireChatTemplate(root)).rejects.toThrow(message);
});
