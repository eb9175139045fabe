import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { filesBelow, reproduceCli } from '../run/child';
import { xlaPossible } from './device';

/** The whole comparison on XLA's CPU: what works on `cpu` must not be asked of a device that cannot say it. */

const work = mkdtempSync(join(tmpdir(), 'med42-xla-run-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

test.skipIf(!xlaPossible)(
  'reproduce runs through on xla:cpu, and gives the same answers twice',
  async () => {
    const scores: Record<string, string>[] = [];
    for (const name of ['one', 'two']) {
      const out = join(work, name);
      const { code, stderr } = await reproduceCli([
        ...['--preset', 'smoke', '--limit', '2', '--device', 'xla:cpu', '--out', out],
      ]);
      expect(code, stderr.slice(-500)).toBe(0);
      const files = filesBelow(join(out, 'scores')).filter((file) => file.endsWith('.jsonl'));
      scores.push(Object.fromEntries(files.map((file) => [file, readFileSync(join(out, 'scores', file), 'utf8')])));
    }
    expect(Object.keys(scores[0]!)).toEqual(['base.jsonl', 'full-42.jsonl', 'lora-42.jsonl']);
    expect(scores[1]).toEqual(scores[0]);
  },
  300_000,
);
