import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyTrainedTemplate, readTrainedTemplate, writeTrainedTemplate } from '../../lib/run/trained-template';

/** `med42 train`, `run`, `merge` and `packing` as a person types them, on rows of one's own and the bundled base. */

const ROOT = join(__dirname, '..', '..');
const BASE = join(ROOT, 'data', 'miniature', 'base');
const { INIT_CWD: _, ...env } = process.env;
const work = mkdtempSync(join(tmpdir(), 'train-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function med42(...args: readonly string[]) {
  const command = [join(ROOT, 'lib', 'cli', 'bin.js'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: work, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const OPTIONS = ['--model', BASE, '--data', 'data', '--max-seq-len', '64', '--batch-size', '2', '--epochs', '2'];
const TRAIN = ['train', ...OPTIONS, '--learning-rate', '0.01', '--warmup', '10%', '--rank', '4', '--threads', '1'];

beforeAll(() => {
  mkdirSync(join(work, 'data', 'train'), { recursive: true });
  const rows = Array.from({ length: 40 }, (_, i) => ({
    messages: [
      { role: 'user', content: `What is thing ${i}?` },
      { role: 'assistant', content: `It is ${i}.` },
      { role: 'user', content: 'Sure?' },
      { role: 'assistant', content: i % 2 ? 'Yes.' : 'No.' },
    ],
  }));
  writeFileSync(join(work, 'data', 'train', 'chat.json'), JSON.stringify(rows));
  writeFileSync(join(work, 'data', 'train', 'notes.md'), 'x');
});

test('trains an adapter, says what it will do and did, and what to type next', () => {
  const { status, stdout, stderr } = med42(...TRAIN, '--out', 'mine');
  expect([status, stderr]).toEqual([0, expect.stringContaining('read: 40 rows of the form messages')]);
  expect(stderr).toContain('not read: train/notes.md (not a file of rows by its ending)');
  expect(stderr).toMatch(/rows: 40 read, 40 drawn, 38 to train on and 2 held out/);
  expect(stderr).toContain(
    'template: med42; the system prompt of 40 of 40 rows is "You are a helpful medical assistant created by M42 Health in the UAE."',
  );
  expect(stderr).toMatch(/updates: \d+ = 2 epochs x \d+ of 2 chunks each; warm-up: \d+ of them/);
  expect(stderr).toMatch(/memory: about \d\.\d GB at its peak, of/);
  expect(stderr).toMatch(/held-out loss .* after epoch 2\/2/);
  expect(stdout).toMatch(/The adapter lies in mine\/models\/lora, .*all settings in mine\/settings\.json/s);
  expect(stdout).toContain('npx med42 chat --model');
  expect(stdout).toMatch(/npx med42 generate --model .* --adapter mine\/models\/lora --prompt "Sure\?"/);
  // The last of the held-out losses, and the schedule, are of the last update.
  const limited = med42(...TRAIN, '--max-steps', '5', '--out', 'limited');
  expect(limited.stderr).toMatch(/updates: 5, of \d+ = 2 epochs x \d+ of 2 chunks each/);
  expect(limited.stderr).toMatch(/held-out loss .* after update 5$/m);
  expect(limited.stdout).toMatch(/^5 updates; /m);
  // What the graph takes is said before, and a warning would stand right there.
  expect(stderr).toMatch(/memory: .*\nbuilding the graph; the first update follows\n/);
  expect(stdout).not.toContain('--data data');
  const config = JSON.parse(readFileSync(join(work, 'mine', 'models', 'lora', 'adapter_config.json'), 'utf8'));
  expect(config).toMatchObject({ r: 4, lora_alpha: 16 });
  const settings = JSON.parse(readFileSync(join(work, 'mine', 'settings.json'), 'utf8'));
  expect(settings).toMatchObject({
    extends: 'paper-lora',
    command: 'train',
    data: { folder: '../data' },
    lora: { rank: 4 },
  });
  expect(med42(...TRAIN, '--out', 'mine').stderr).toContain('the training was done; what it made is kept');
});

test('run repeats it from settings.json: the adapter is the same, byte for byte', () => {
  expect(med42('run', 'mine/settings.json', '--out', 'again').status).toBe(0);
  const adapter = (folder: string) => readFileSync(join(work, folder, 'models', 'lora', 'adapter_model.safetensors'));
  expect(adapter('again').equals(adapter('mine'))).toBe(true);
});

test('merge makes a model that says what base and adapter say', () => {
  expect(med42('merge', '--model', BASE, '--adapter', 'mine/models/lora', '--out', 'merged').status).toBe(0);
  const say = (...model: readonly string[]) =>
    med42('generate', ...model, '--template', 'med42', '--prompt', 'What is thing 7?', '--tokens', '12').stdout;
  const whole = say('--model', 'merged');
  expect(whole).toBe(say('--model', BASE, '--adapter', 'mine/models/lora'));
  expect(whole).not.toBe(say('--model', BASE));
  expect(JSON.parse(readFileSync(join(work, 'merged', 'workbook.json'), 'utf8'))).toEqual({ template: 'med42' });
  const again = med42('merge', '--model', BASE, '--adapter', 'mine/models/lora', '--out', 'merged');
  expect([again.status, again.stderr]).toEqual([
    1,
    expect.stringContaining('merge: merged holds README.md, config.json'),
  ]);
});

test('an adapter that notes no template takes away the note that a killed merge of another left', async () => {
  const [from, to] = ['without a note', 'half merged'].map((name) => join(work, name)) as [string, string];
  for (const folder of [from, to]) mkdirSync(folder);
  await writeTrainedTemplate(to, 'none');
  await copyTrainedTemplate(from, to);
  expect(await readTrainedTemplate(to)).toBeUndefined();
});

test('a model speaks with the template of its training, unless another is given', () => {
  const model = ['--model', BASE, '--adapter', 'mine/models/lora'];
  const say = (...more: readonly string[]) =>
    med42('generate', ...model, '--prompt', 'What is thing 7?', '--tokens', '4', ...more);
  const own = say();
  expect(own.stderr).toMatch(/^loading the model .*base\ntemplate: med42, as in its training\nbuilding the graph\n$/);
  expect(own.stdout).toBe(say('--template', 'med42').stdout);
  expect(own.stdout).toContain('<|assistant|>');
  expect(say('--template', 'none').stdout).toMatch(/^What is thing 7\?/);
  // The base of the bundle was trained by nobody who noted it.
  const base = med42('generate', '--prompt', 'A goat is', '--tokens', '4');
  expect([base.stdout.startsWith('A goat is'), base.stderr]).toEqual([true, expect.not.stringContaining('template')]);
});

test('the folder of a run in place of its adapter or its model, and another base than the adapter names, are said', () => {
  const run = med42('score', '--model', BASE, '--adapter', 'mine');
  expect(run.stderr).toMatch(/adapter: .*mine is the folder of a run; its adapter is .*mine\/models\/lora: give that/);
  const copy = join(work, 'elsewhere');
  cpSync(join(work, 'mine', 'models', 'lora'), copy, { recursive: true });
  const config = JSON.parse(readFileSync(join(copy, 'adapter_config.json'), 'utf8'));
  const changed = { ...config, r: 2, base_model_name_or_path: 'someone/else' };
  writeFileSync(join(copy, 'adapter_config.json'), JSON.stringify(changed));
  for (const command of ['generate', 'chat', 'score', 'merge']) {
    const needs = { generate: ['--prompt', 'x'], merge: ['--out', 'none'] }[command] ?? [];
    expect(med42(command, '--adapter', 'elsewhere', ...needs).stderr).toContain(
      '(the base taken is the bundled one, as where no --model is given; the adapter names "someone/else")',
    );
  }
});

test('system prompts that the model’s template leaves out are counted in training, and refused in a chat', () => {
  const model = join(work, 'without system');
  cpSync(BASE, model, { recursive: true });
  const template =
    "{% for m in messages %}{% if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endif %}{% endfor %}";
  writeFileSync(join(model, 'chat_template.jinja'), template);
  const rows = Array.from({ length: 20 }, (_, i) => ({
    ...(i < 10 ? { system: 'Answer as a sailor.' } : {}),
    prompt: `What is thing ${i}?`,
    response: `It is ${i}.`,
  }));
  mkdirSync(join(work, 'systems', 'train'), { recursive: true });
  writeFileSync(join(work, 'systems', 'train', 'rows.json'), JSON.stringify(rows));
  const options = ['--model', model, '--template', 'model'];
  const shown = med42('packing', ...options, '--data', 'systems', '--max-seq-len', '64', '--out', 'page of systems');
  expect([shown.status, shown.stdout]).toEqual([
    0,
    expect.stringMatching(
      /^left out: the system prompt of (?:9|10) of 19 rows, which the model's chat template does not write; the rows are learnt without it: put it into their first question/m,
    ),
  ]);
  const talk = (...more: readonly string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'lib', 'cli', 'bin.js'), 'chat', ...options, '--tokens', '2', ...more], {
      cwd: work,
      env,
      encoding: 'utf8',
      input: 'Who?\n',
    });
  expect(talk().status).toBe(0);
  const { status, stderr } = talk('--system', 'Answer as a sailor.');
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining("chat template: the model's own must write the system prompt, and leaves it out; put it"),
  ]);
});

test('packing shows what is learnt', () => {
  const { status, stdout } = med42('packing', ...OPTIONS.slice(0, 6), '--out', 'page');
  expect([status, stdout]).toEqual([0, expect.stringContaining('Open page/packing.html')]);
  expect(readFileSync(join(work, 'page', 'packing.html'), 'utf8')).toContain('border-bottom:3px solid #000');
});

test('refuses what cannot work, with what would, and warns of what will not do what it says', () => {
  const huge = med42(...TRAIN, '--batch-size', '60000', '--out', 'huge');
  expect(huge.status).toBe(1);
  expect(huge.stderr).toMatch(
    /train: memory: about \d+\.\d GB at its peak, of .*too much; what would fit: --batch-size 1/,
  );
  const both = med42(...TRAIN, '--method', 'both', '--rank', '4', '--out', 'both');
  expect(both.stderr).toContain('one method is trained at a time; give --method lora or --method full');
  const long = med42(...TRAIN, '--warmup', '500', '--epochs', '1', '--out', 'long');
  expect(long.stderr).toMatch(
    /\nwarning: the warm-up of 500 updates is no shorter .* the peak rate 0.01 is never reached, .*use --warmup 3%\nbuilding/,
  );
  const file = med42('train', '--model', BASE, '--data', 'data/train/chat.json');
  expect(file.stderr).toMatch(
    /chat\.json is a file; give the folder FOLDER that holds it as FOLDER\/train\/chat\.json/,
  );
});

test('two commands bring full-parameter training of rows of several forms to a score', () => {
  cpSync(join(work, 'data'), join(work, 'both'), { recursive: true });
  mkdirSync(join(work, 'both', 'eval'));
  writeFileSync(join(work, 'both', 'train', 'more.csv'), 'Question,Answer\nWhat is a goat?,An animal.\n');
  writeFileSync(join(work, 'both', 'eval', 'quiz.csv'), 'question,choices,answer\nA goat?,"[""yes"",""no""]",A\n');
  const train = med42(
    'train',
    '--method',
    'full',
    '--model',
    BASE,
    '--data',
    'both',
    '--max-seq-len',
    '64',
    '--epochs',
    '1',
    '--out',
    'full',
  );
  expect([train.status, train.stdout]).toEqual([
    0,
    expect.stringContaining('npx med42 score --model full/models/full --data both'),
  ]);
  const score = med42('score', '--model', 'full/models/full', '--data', 'both', '--out', 'scored');
  expect(score.stderr).toContain('asked without the template med42 of its training');
  expect([score.status, score.stdout]).toEqual([0, expect.stringMatching(/^quiz +1 /m)]);
  expect(score.stderr).toContain('quiz: a benchmark of your own, scored by letters');
  const asRun = med42('score', '--model', 'full', '--data', 'both', '--out', 'scored');
  expect(asRun.stderr).toMatch(/model: .*full is the folder of a run; its model is .*full\/models\/full: give that/);
});
