import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Message } from '../../lib/data/chat/rendering';
import { conversationEncoder } from '../../lib/data/conversation';
import { tokenizeExamples } from '../../lib/data/samples';
import { renderPrompt } from '../../lib/data/template';
import { loadTokenizer } from '../../lib/data/tokenizer';

/** `med42 chat` and `med42 generate` as they are started, with a pipe for a terminal. */

const ROOT = join(__dirname, '..', '..');
const BIN = join(ROOT, 'lib', 'cli', 'bin.js');
const BASE = join(ROOT, 'data', 'miniature', 'base');
const { INIT_CWD: _, ...env } = process.env;

const work = mkdtempSync(join(tmpdir(), 'chat-'));
afterAll(() => rmSync(work, { recursive: true }));

function med42(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env, input });
  return { status, stdout, stderr };
}

/** A copy of the miniature's base with further files. */
function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(work, name);
  cpSync(BASE, folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

/** What follows chat's two lines of introduction. */
const answers = (stdout: string): string[] => stdout.split('\n').slice(2);

describe('med42 chat', () => {
  test('answers line by line, says what it is for, and ends with the input or /exit', () => {
    const question = 'What is the colour of the carrot?';
    const one = med42(['chat', '--tokens', '12'], `${question}\n`);
    expect([one.status, one.stderr]).toEqual([
      0,
      expect.stringMatching(/^loading the model .*base\nbuilding the graph\n$/),
    ]);
    expect(one.stdout).toMatch(/^Research only, not for clinical decisions\./);
    expect(answers(one.stdout)[0]).not.toBe('');
    const left = med42(['chat', '--tokens', '12'], `${question}\n\n/exit\n${question}\n`);
    expect(left).toEqual(one);
  });

  test('control characters of a text are printed as their codes', () => {
    const { status, stdout } = med42([
      'generate',
      '--tokens',
      '1',
      '--prompt',
      'a\u001b]0;title\u0007\u202eb',
      '--device',
      'cpu',
    ]);
    expect(status).toBe(0);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(stdout).toContain('\\u001b]0;title');
  });

  test('/new forgets: the same question has the same answer again', () => {
    const { stdout } = med42(['chat', '--tokens', '8'], 'What is a goat?\nAnd a cow?\n/new\nWhat is a goat?\n');
    const [first, , again] = answers(stdout);
    expect(again).toBe(first);
  });

  test('a drawn conversation repeats with its seed and changes with another', () => {
    const talk = (seed: string) =>
      med42(['chat', '--tokens', '20', '--temperature', '1.5', '--seed', seed], 'Name an animal.\nAnother.\n').stdout;
    const first = talk('1');
    expect(talk('1')).toBe(first);
    expect(talk('2')).not.toBe(first);
  });

  test('a message longer than the context is refused, and the conversation goes on', () => {
    const { max_position_embeddings: context } = JSON.parse(readFileSync(join(BASE, 'config.json'), 'utf8'));
    const long = 'goat '.repeat(context);
    const { status, stdout } = med42(['chat', '--tokens', '5'], `${long}\nWhat is a goat?\n`);
    expect(status).toBe(0);
    expect(stdout).toContain(`the context ${context}: shorten it.]`);
    expect(answers(stdout)[1]).not.toBe('');
    const filling = `${'What is a goat and what is a cow? '.repeat(25)}\n`.repeat(6);
    expect(med42(['chat', '--tokens', '2'], filling).stdout).toContain('its oldest turn is left out.]');
  });

  test('Ctrl-C stops an answer, and leaves where nothing is being said', async () => {
    // No token ends this model's answer.
    const config = JSON.parse(readFileSync(join(BASE, 'tokenizer_config.json'), 'utf8'));
    const folder = folderWith('endless', {
      'tokenizer_config.json': JSON.stringify({ ...config, eos_token: config.unk_token ?? '<unk>' }),
      'generation_config.json': '{"eos_token_id": 4095}',
    });
    const child = spawn(process.execPath, [BIN, 'chat', '--model', folder, '--tokens', '400'], { env });
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text;
    });
    child.stdin.write('What is a goat?\n');
    await until(child, () => answers(said).join('').length > 5);
    child.kill('SIGINT');
    await until(child, () => said.includes('[stopped]'));
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});

async function until(child: ChildProcessWithoutNullStreams, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (child.exitCode !== null) throw new Error(`chat ended with status ${child.exitCode}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

describe('med42 generate', () => {
  test('says that a reply is empty; so does chat', () => {
    const empty = '[the reply is empty: the model ended it at once with --template none]';
    const prompt = 'The carrot is orange.';
    expect(med42(['generate', '--prompt', prompt]).stdout).toContain(`${prompt}\n${empty}\n`);
    expect(answers(med42(['chat', '--template', 'none'], `${prompt}\n`).stdout)).toContain(empty);
    expect(med42(['generate', '--prompt', prompt, '--template', 'med42']).stdout).not.toContain('empty');
  });

  test('continues the prompt, and stops at any id that generation_config.json lists', async () => {
    const args = ['generate', '--prompt', 'The carrot is', '--tokens', '10'];
    const { stdout } = med42(args);
    expect(stdout).toMatch(/^The carrot is.+\n\n\[research only, not for clinical decisions\]\n$/s);
    const said = stdout.split('\n')[0]!;
    const ids = await (await loadTokenizer(BASE)).encode(said, { addSpecialTokens: false });
    const folder = folderWith('stops', {
      'generation_config.json': JSON.stringify({ eos_token_id: [2, ids.at(-1)!] }),
    });
    const stopped = med42([...args, '--model', folder]).stdout.split('\n')[0]!;
    expect(said.startsWith(stopped)).toBe(true);
    expect(stopped.length).toBeLessThan(said.length);
  });

  test.for<readonly [readonly string[], string]>([
    [['--temperature', 'hot'], 'generate: --temperature must be a number, got "hot"'],
    [['--temperature', '-1'], 'sampling: temperature must be a number above 0, got -1'],
    [['--temperature', '1', '--top-p', '1.5'], 'sampling: top-p must be above 0 and at most 1, got 1.5'],
    [['--temperature', '1', '--top-k', '0'], 'sampling: top-k must be a whole number of 1 or more, got 0'],
    [['--top-k', '5'], 'generate: --top-k and --top-p need a --temperature above 0'],
    [['--seed', '1.5'], 'generate: --seed must be a whole number from 0 to 4294967295, got "1.5"'],
    [['--tokens', '0'], 'generate: --tokens must be a whole number of 1 or more, got "0"'],
    [['--template', 'chatml'], 'generate: --template must be one of med42, model, none, got "chatml"'],
    [['--template', 'model'], `chat template: ${BASE} has none`],
  ])('refuses %j', ([args, message]) => {
    const { status, stderr } = med42(['generate', '--prompt', 'x', ...args]);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('templates', () => {
  test('Med42’s is renderPrompt for one question; a later one follows the answer before it and its end', async () => {
    const tokenizer = await loadTokenizer(BASE);
    const encode = await conversationEncoder('med42', BASE, tokenizer);
    const text = async (...messages: readonly Message[]) => tokenizer.decode(await encode(messages));
    const question = { role: 'user', content: 'Q' } as const;
    expect(await text(question)).toBe(renderPrompt({ prompt: 'Q' }));
    expect(await text({ role: 'system', content: '' }, question)).toBe(renderPrompt({ system: '', prompt: 'Q' }));
    const second = [question, { role: 'assistant', content: 'A' }, { role: 'user', content: 'R' }] as const;
    expect(await text(...second)).toContain(`<|prompter|>:Q\n<|assistant|>:\nA`);
    const ids = await encode(second);
    const { samples } = await tokenizeExamples(
      [{ id: 'x', source: 's', history: [{ prompt: 'Q', response: 'A' }], prompt: 'R', response: 'B' }],
      tokenizer,
    );
    // What training shows the model, up to where the answer begins.
    expect(ids).toEqual([...samples[0]!.ids.slice(0, ids.length)]);
    expect(ids.filter((id) => id === tokenizer.eosId)).toHaveLength(1);
  });

  test('the model’s own: control tokens come of the template, never of what is typed', async () => {
    const folder = folderWith('own', {
      'chat_template.jinja': '{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}',
    });
    const tokenizer = await loadTokenizer(folder);
    const encode = await conversationEncoder('model', folder, tokenizer);
    const controls = (ids: readonly number[]) => ids.filter((id) => id === tokenizer.eosId || id === tokenizer.bosId);
    const expected = [tokenizer.bosId, tokenizer.eosId];
    expect(controls(await encode([{ role: 'user', content: 'a goat' }]))).toEqual(expected);
    const [bos, eos] = await tokenizer
      .decode([tokenizer.bosId!, tokenizer.eosId], { keepSpecial: true })
      .then((text) => text.split(/(?<=>) ?/));
    const typed = `a ${eos} goat ${bos}`;
    const ids = await encode([{ role: 'user', content: typed }]);
    expect(controls(ids)).toEqual(expected);
    expect(await tokenizer.decode(ids)).toContain(typed);
  });

  test('a template that cannot be read, or refuses the conversation, is named with its file', async () => {
    const broken = folderWith('broken', { 'chat_template.jinja': '{% for %}' });
    const tokenizer = await loadTokenizer(broken);
    await expect(conversationEncoder('model', broken, tokenizer)).rejects.toThrow(
      `chat template: ${join(broken, 'chat_template.jinja')} is not a template`,
    );
    const strict = folderWith('strict', { 'chat_template.jinja': "{{ raise_exception('no system prompt here') }}" });
    const encode = await conversationEncoder('model', strict, tokenizer);
    await expect(encode([{ role: 'user', content: 'x' }])).rejects.toThrow('no system prompt here');
  });
});
