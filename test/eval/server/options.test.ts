import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScoreOptions } from '../../../lib/run/score-options';
import { BASE } from './stub-server';

const parse = (...args: readonly string[]) => parseScoreOptions(args, join(BASE, '../../..'), '/');
const SERVER = ['--server', 'http://h:8000'] as const;

describe('the options of --server', () => {
  it('have defaults, and stand beside those of a local run', () => {
    expect(parse('--limit', '3')).toMatchObject({ variant: 'present', model: BASE });
    expect(parse('--limit', '3').server).toBeUndefined();
    expect(parse(...SERVER, '--model', 'm', '--tokenizer', BASE)).toMatchObject({
      model: 'm',
      variant: 'present',
      adapter: null,
      server: { url: 'http://h:8000', tokenizer: BASE, atOnce: 8, maxLength: null },
    });
    const folder = parse(...SERVER, '--model', BASE);
    expect([folder.model, folder.server!.tokenizer]).toEqual([BASE, BASE]);
  });

  it('know the released Med42-70B, and what is given wins', () => {
    const preset = [...SERVER, '--preset', 'med42-70b', '--tokenizer', BASE];
    expect(parse(...preset)).toMatchObject({
      model: 'm42-health/med42-70b',
      variant: 'chat',
      bos: 'never',
      server: { maxLength: 4096 },
    });
    expect(
      parse(...preset, '--variant', '2023', '--model', 'mine', '--max-length', '99', '--at-once', '2'),
    ).toMatchObject({
      model: 'mine',
      variant: '2023',
      server: { maxLength: 99, atOnce: 2 },
    });
  });

  it.each<readonly [readonly string[], RegExp]>([
    [['--tokenizer', BASE], /score: --tokenizer needs --server; --help/],
    [['--at-once', '2'], /score: --at-once needs --server/],
    [['--preset', 'med42-70b'], /score: --preset needs --server/],
    [[...SERVER, '--model', 'name'], /"name" is neither a folder here .*--tokenizer/],
    [[...SERVER, '--model', 'name', '--tokenizer', 'away'], /"away" is neither a folder here/],
    [[...SERVER], /--server needs --model, the name under which/],
    [[...SERVER, '--model', 'm', '--adapter', 'a'], /--adapter is not for --server: have the server load/],
    [[...SERVER, '--preset', 'gpt'], /--preset must be one of med42-70b, got "gpt"/],
    [[...SERVER, '--model', BASE, '--at-once', '0'], /--at-once must be a whole number from 1 to 1024, got "0"/],
    [[...SERVER, '--model', BASE, '--max-length', '1e3'], /--max-length must be a whole number from 1 .*got "1e3"/],
    [
      [...SERVER, '--preset', 'med42-70b'],
      /"m42-health\/med42-70b" is neither a folder here nor a model that `med42 fetch --model ID` brought; .*--tokenizer/,
    ],
  ])('refuse %j', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
