import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

/*
 * A small part of `npm run campaign`, on every change: a few hundred cases and three kills. The same seed gives the same
 * cases; a finding names the command that repeats it.
 */

const work = mkdtempSync(join(tmpdir(), 'campaign-test-'));
afterAll(() => rmSync(work, { recursive: true }));
const ROOT = resolve(__dirname, '..', '..');
const built = join(ROOT, 'dist', 'with-campaign', 'test', 'campaign');

test('changed inputs are read rightly or refused clearly; killed commands end as if they had not been killed', () => {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', join(__dirname, 'tsconfig.json')], { stdio: 'inherit' });
  const table = join(work, 'table.md');
  const args = ['--cases', '4', '--kills', '3', '--kill-only', 'mix', '--seed', '5', '--workers', '1', '--out', table];
  try {
    execFileSync(process.execPath, [join(built, 'main.js'), ...args], { stdio: 'pipe' });
  } catch {
    expect(existsSync(table) ? readFileSync(table, 'utf8') : 'no table was written').toBe('a table without findings');
  }
  expect(readFileSync(table, 'utf8')).toMatch(/^\| all \| \d+ \| \d+ \| 0 \| 0 \| 0 \| 0 \|$/m);
});
