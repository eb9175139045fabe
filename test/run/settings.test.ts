import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { TRAIN } from '../../lib/cli/train';
import { parseOptions } from '../../lib/run/options';
import { PRESET_NAMES } from '../../lib/run/presets';
import { parseScoreOptions } from '../../lib/run/score-options';
import { settingsText, writeSettings } from '../../lib/run/settings/effective';
import { checkSettings, readSettings } from '../../lib/run/settings/read';
import { settingsJsonSchema } from '../../lib/run/settings/schema';
import { planBatches } from '../../lib/train/batches';
import { learningRateAt, warmupUpdates } from '../../lib/train/schedule';

const ROOT = join(__dirname, '..', '..');

function settingsFile(settings: unknown, name = 'settings.json'): string {
  const file = join(mkdtempSync(join(tmpdir(), 'settings-')), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof settings === 'string' ? settings : JSON.stringify(settings));
  return file;
}

test.each<readonly [string, unknown, string]>([
  ['a misspelt key', { lora: { rnak: 4 } }, '"lora.rnak" is no setting, did you mean "rank"'],
  ['a misspelt group', { trainig: {} }, '"trainig" is no setting, did you mean "training"'],
  ['a key of another group', { full: { rank: 4 } }, '"full.rank" is no setting'],
  ['a wrong type', { training: { epochs: '3' } }, '"training.epochs" must be number, got "3"'],
  ['half an epoch', { training: { epochs: 1.5 } }, '"training.epochs" must be a whole number, got 1.5'],
  ['a rate of 0', { training: { learningRate: 0 } }, '"training.learningRate" must be above 0, got 0'],
  ['a negative rank', { lora: { rank: -1 } }, '"lora.rank" must be 1 or more, got -1'],
  ['a share without %', { training: { warmup: '3' } }, '"training.warmup" must be'],
  ['a key outside its group', { rank: 4 }, '"rank" is no setting, did you mean "lora.rank"'],
  ['the same for both methods', { epochs: 4 }, '"epochs" is no setting, did you mean "training.epochs"'],
  [
    'a warm-up as transformers has it',
    { training: { warmup: 0.03 } },
    'a whole number of updates, or a share like "3%"',
  ],
  ['an empty path', { output: { folder: '' } }, '"output.folder" must be a path, not empty, got ""'],
  [
    'a group that stands twice',
    '{"lora": {"rank": 4}, "data": {"fields": {"a": "lora"}}, "lora": {"alpha": 8}}',
    '"lora" stands twice in one object',
  ],
  ['an unknown layer', { lora: { targetModules: ['q'] } }, '"lora.targetModules" must be "all-linear" or "q_proj"'],
  ['an unknown packing', { data: { packing: 'paper' } }, 'got "paper"'],
  ['no object', [], 'must be an object, got a list'],
])('%s in a settings file is one clear line', (_, settings, message) => {
  const file = settingsFile(settings);
  expect(() => readSettings(file)).toThrow(message);
  const [line, ...more] = (() => {
    try {
      readSettings(file);
      return [];
    } catch (error) {
      return (error as Error).message.split('\n');
    }
  })();
  expect(line).toContain(`settings: ${file}: `);
  expect(more).toEqual([]);
});

test('files that cannot be: not there, no JSON, one that extends itself, an unknown preset', () => {
  expect(() => readSettings('/no/such.json')).toThrow('cannot read /no/such.json (ENOENT)');
  expect(() => readSettings(settingsFile('{"a": 1,}'))).toThrow('is not valid JSON');
  expect(() => readSettings(settingsFile({ extends: 'settings.json' }))).toThrow('extends itself');
  expect(() => readSettings(settingsFile({ extends: 'paper-lroa' }))).toThrow('did you mean "paper-lora"');
});

test('one method has its own value over the one that a more general file gives both', () => {
  const folder = mkdtempSync(join(tmpdir(), 'both-'));
  writeFileSync(join(folder, 'base.json'), JSON.stringify({ extends: 'smoke', training: { epochs: 3 } }));
  const own = join(folder, 'own.json');
  writeFileSync(own, JSON.stringify({ extends: 'base.json', method: 'lora', lora: { epochs: 2 } }));
  expect(parseOptions(['--settings', own], ROOT, ROOT).config.lora.epochs).toBe(2);
});

test('what contradicts itself is refused before anything is loaded', () => {
  const parse =
    (...args: string[]) =>
    () =>
      parseOptions(['--preset', 'smoke', ...args], ROOT, ROOT);
  expect(parse('--method', 'full', '--rank', '4')).toThrow('--rank gives lora.rank, but method is "full"');
  expect(parse('--method', 'both', '--rank', '4')).not.toThrow();
  expect(parse('--learning-rate', '0')).toThrow('"training.learningRate" must be above 0, got 0');
  expect(parse('--warmup', 'soon')).toThrow('--warmup must be a whole number of updates or a share like 3%');
  expect(parse('--plugin', 'own.so')).toThrow(
    '--plugin gives "plugin", which is a setting of XLA, but device is "cpu"',
  );
  const fused = ['--device', 'xla:cuda', '--attention', 'cudnn', '--precision', 'bf16'];
  expect(parse(...fused)).toThrow(
    '--attention gives attention "cudnn", whose kernel takes bf16 and lets the samples of a chunk see each other: it needs ' +
      'precision "bf16" and packing "concatenated", got "bf16" and "block-diagonal"',
  );
  expect(parse(...fused, '--packing', 'concatenated')).not.toThrow();
  expect(parse('--attention', 'cudnn')).toThrow('--attention gives "attention", which is a setting of XLA');
  expect(parse('--method', 'dora')).toThrow('settings: --method: "method" must be');
});

test('options go before a file, a file before what it extends, and each setting says where it comes from', () => {
  const base = settingsFile({ extends: 'smoke', lora: { rank: 2, alpha: 4 }, training: { epochs: 5, warmup: '3%' } });
  const file = settingsFile({ extends: base, lora: { alpha: 32 }, method: 'lora', output: { folder: 'out' } });
  const { config, settings, out, preset } = parseOptions(
    ['--settings', file, '--epochs', '7', '--target-modules', 'q_proj,v_proj'],
    ROOT,
    '/',
  );
  expect([preset, out]).toEqual(['smoke', join(dirname(file), 'out')]);
  expect(config.lora).toMatchObject({
    epochs: 7,
    warmupSteps: '3%',
    lora: { rank: 2, alpha: 32, targetModules: ['q_proj', 'v_proj'] },
  });
  expect(config.methods).toEqual(['lora']);
  const from = (name: string) => settings.get(name)?.from;
  expect(['lora.rank', 'lora.alpha', 'lora.epochs', 'lora.batchSize'].map(from)).toEqual([
    base,
    file,
    '--epochs',
    'preset smoke',
  ]);
  expect(settingsText(settings)).toMatch(/^lora\.epochs +7 +--epochs$/m);
});

test('the settings of a run, written and read again, give the same run', async () => {
  const here = mkdtempSync(join(tmpdir(), 'settings-'));
  for (const name of ['m', 'd']) mkdirSync(join(here, name));
  for (const args of [
    ['--preset', 'miniature'],
    [
      '--preset',
      'real',
      '--model',
      'm',
      '--data',
      'd',
      '--rank',
      '4',
      '--warmup',
      '3%',
      '--template',
      'none',
      '--fields',
      'prompt=q',
    ],
    ['--preset', 'paper-full', '--model', 'm', '--data', 'd', '--epochs', '1', '--samples', 'all', '--skip-bad-rows'],
    ['--preset', 'smoke', '--device', 'xla', '--plugin', 'own.so', '--precision', 'bf16'],
  ]) {
    const one = parseOptions(args, ROOT, here);
    const file = join(mkdtempSync(join(tmpdir(), 'settings-')), 'settings.json');
    await writeSettings(file, 'reproduce', one.preset, one.settings);
    const again = parseOptions(['--settings', file], ROOT, '/');
    expect(again.config).toEqual(one.config);
    expect(again.xla).toEqual(one.xla);
    expect([again.data, again.model, again.encoders, again.device]).toEqual([
      one.data,
      one.model,
      one.encoders,
      one.device,
    ]);
  }
});

test('what other programs call an option is answered with ours, where the command has it', () => {
  const parse =
    (...args: string[]) =>
    () =>
      parseOptions(args, ROOT, ROOT, TRAIN);
  expect(parse('--lr', '1')).toThrow("train: unknown option '--lr', did you mean --learning-rate; --help");
  expect(parse('--per_device_train_batch_size', '1')).toThrow('did you mean --batch-size; --help');
  expect(parse('--lora-r', '1')).toThrow('did you mean --rank; --help');
  expect(parse('--max-new-tokens', '1')).not.toThrow('--tokens');
  // A slip of the pen is still answered.
  expect(parse('--epoch', '1')).toThrow('did you mean --epochs; --help');
});

test('--fields may be given again, and names each field once', () => {
  const parse = (...args: string[]) =>
    parseOptions(['--print-settings', ...args], ROOT, ROOT, TRAIN).config.rows.fields;
  expect(parse('--fields', 'prompt=Q', '--fields', 'response=A')).toEqual({ prompt: 'Q', response: 'A' });
  expect(() => parse('--fields', 'prompt=Q,prompt=A')).toThrow(
    'train: --fields must name what stands for "prompt" once',
  );
});

test('weights of a mixture may be typed', () => {
  const mixture = (text: string) => parseOptions(['--mixture', text], ROOT, ROOT, TRAIN).config.mixture;
  expect([mixture('all'), mixture('medqa=2, mine=0.5')]).toEqual(['all', { medqa: 2, mine: 0.5 }]);
  for (const wrong of ['50:50', 'a=0', 'a=1,a=2', 'a=Infinity', 'a=1=2', '{"a":1}', ''])
    expect(() => mixture(wrong)).toThrow('train: --mixture must be paper, all, auto, or pairs like medqa=2,mine=1');
});

test('an empty path, as of a variable that is not set, and a second folder of rows are refused', () => {
  const parse =
    (...args: string[]) =>
    () =>
      parseOptions(args, ROOT, ROOT, TRAIN);
  for (const option of ['--out', '--data', '--model', '--settings'])
    expect(parse(option, '')).toThrow(/train: option '--\w+ <\w+>' must name a path, got ""/);
  expect(parse('--data', 'a', '--data=b')).toThrow('train: --data may be given once: one folder is read');
});

test('updates may be limited for one training, whose schedule ends there, and not for the comparison', () => {
  const { config } = parseOptions(['--max-steps', '5'], ROOT, ROOT, TRAIN);
  const plan = planBatches(20, config.lora);
  expect([config.lora.maxSteps, plan.totalSteps, plan.stepsPerEpoch]).toEqual([5, 5, 10]);
  expect(learningRateAt(4, plan.totalSteps, { ...config.lora, warmupSteps: 0 })).toBeLessThan(
    0.2 * config.lora.learningRate,
  );
  expect(planBatches(20, { ...config.lora, maxSteps: 500 }).totalSteps).toBe(10 * config.lora.epochs);
  expect(parseOptions([], ROOT, ROOT, TRAIN).config.lora).not.toHaveProperty('maxSteps');
  expect(() => parseOptions(['--max-steps', '0'], ROOT, ROOT, TRAIN)).toThrow(
    '--max-steps must be a whole number of 1',
  );
  const file = settingsFile({ extends: 'smoke', training: { maxSteps: 5 } });
  expect(() => parseOptions(['--settings', file], ROOT, ROOT)).toThrow(
    'gives lora.maxSteps, which reproduce does not take',
  );
  expect(() => parseOptions(['--max-steps', '5'], ROOT, ROOT)).toThrow("unknown option '--max-steps'");
});

test('scores of a base, of its adapters and of the variants lie in folders of their own', () => {
  const out = (...args: string[]) =>
    relative(join('/root', 'results', 'score'), parseScoreOptions(args, '/root', '/home').out);
  const run = join(mkdtempSync(join(tmpdir(), 'run-')), 'train');
  mkdirSync(run);
  writeFileSync(join(run, 'settings.json'), '{}');
  expect(out()).toBe(join('miniature', 'base'));
  expect(out('--data', 'mine', '--model', 'llama')).toBe(join('mine', 'llama'));
  expect(out('--data', 'mine', '--model', 'llama', '--adapter', join(run, 'models', 'lora'))).toBe(
    join('mine', 'llama+train-lora'),
  );
  expect(out('--model', join(run, 'models', 'full'), '--variant', 'continuation')).toBe(
    join('miniature', 'train-full-continuation'),
  );
  const snapshot = join('hub', 'models--HuggingFaceTB--SmolLM2-135M', 'snapshots', '0123abc');
  expect(out('--model', snapshot)).toBe(join('miniature', 'SmolLM2-135M'));
  expect(parseScoreOptions(['--out', 'here'], '/root', '/home').out).toBe(join('/home', 'here'));
});

test('every preset can be extended', () => {
  for (const preset of PRESET_NAMES) expect(readSettings(settingsFile({ extends: preset })).preset).toBe(preset);
});

test('settings.schema.json is the schema that is checked', async () => {
  await expect(`${JSON.stringify(settingsJsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../../settings.schema.json');
  expect(checkSettings({ $schema: '../settings.schema.json', extends: 'real' }, 'x')).toBeDefined();
});

test('a warm-up as a share is rounded up, as transformers does', () => {
  expect([warmupUpdates('3%', 100), warmupUpdates('3%', 101), warmupUpdates('0%', 9), warmupUpdates(10, 9)]).toEqual([
    3, 4, 0, 10,
  ]);
});

test('a preset’s threads for models side by side are the CPU’s alone, and given ones every device’s', () => {
  const threads = (...args: readonly string[]) =>
    parseOptions(['--preset', 'smoke', ...args], ROOT, ROOT).config.threads;
  expect(threads()).toBe(1);
  expect(threads('--device', 'tfjs')).toBeNull();
  expect(threads('--device', 'tfjs', '--threads', '1')).toBe(1);
});
