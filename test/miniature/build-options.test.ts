import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseBuildOptions } from '../../lib/cli/build-options';
import { buildBase } from '../../lib/miniature/base';
import { MINIATURE_SEED, miniatureFacts } from '../../lib/miniature/miniature';

const parse = (args: readonly string[], from: string) => parseBuildOptions('build-base', '', args, from);

test('a world is the bundled one unless a seed and a folder of its own are given', () => {
  const bundled = join(__dirname, '..', '..', 'data', 'miniature');
  expect(parse([], '/')).toEqual({ seed: MINIATURE_SEED, data: bundled });
  expect(parse(['--seed', '7', '--data', 'second'], '/worlds')).toEqual({
    seed: 7,
    data: '/worlds/second',
  });
  expect(() => parse(['--seed', '7'], '/')).toThrow(
    `build: --seed 7 is another world than the bundled one, of ${MINIATURE_SEED}; give it a folder of its own with --data`,
  );
  expect(() => parse(['--seed', '7.5'], '/')).toThrow(
    'build: --seed must be a whole number from 0 to 4294967295, got "7.5"',
  );
});

test('another seed deals the same facts out to other groups', () => {
  const groups = (seed: number) => new Map(miniatureFacts(seed).map(({ id, group }) => [id, group]));
  const [bundled, second] = [groups(MINIATURE_SEED), groups(7)];
  expect([...second.keys()].sort()).toEqual([...bundled.keys()].sort());
  const moved = [...second].filter(([id, group]) => bundled.get(id) !== group);
  expect(moved.length).toBeGreaterThan(second.size / 2);
});

const silent = () => ({ say: () => {}, at: () => {} });

test('a base is not built for a folder that holds another world', async () => {
  const data = await mkdtemp(join(tmpdir(), 'world-'));
  await expect(buildBase({ seed: 7, data }, join(data, 'work'), silent)).rejects.toThrow(
    `${join(data, 'facts.jsonl')} cannot be read; write the world first, with npx med42 build-miniature`,
  );
  const lines = miniatureFacts(7).map((fact) => `${JSON.stringify(fact)}\n`);
  await writeFile(join(data, 'facts.jsonl'), lines.join(''));
  await expect(buildBase({ seed: 8, data }, join(data, 'work'), silent)).rejects.toThrow(
    `${join(data, 'facts.jsonl')} holds other facts, or other groups of them, than the world of seed 8; pass the seed that`,
  );
  await rm(data, { recursive: true });
});
