import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../lib/cli/med42';
import { parseNotebookOptions } from '../../lib/cli/notebooks';
import { parseOptions } from '../../lib/run/options';
import { PRESET_NAMES } from '../../lib/run/presets';

const ROOT = join(__dirname, '..', '..');
const BIN = join(ROOT, 'lib', 'cli', 'bin.js');

function med42(...args: readonly string[]) {
  const { INIT_CWD: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe('med42', () => {
  test('lists every command in groups, and ends', () => {
    const { status, stdout } = med42('--help');
    expect(status).toBe(0);
    for (const { name, group } of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
      expect(stdout).toContain(group);
    }
    expect(stdout).toContain('Research only, not for clinical decisions.');
    expect(med42().stdout).toBe(stdout);
  });

  test.for(COMMANDS.map(({ name }) => name))('%s --help prints its options and ends', (name) => {
    const { status, stdout, stderr } = med42(name, '--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: med42 ${name}`);
    expect(stdout).toContain('--help');
  });

  test.for<readonly [readonly string[], RegExp]>([
    [['scroe'], /^med42: unknown command 'scroe', did you mean score; /m],
    [['tune', '--sed', '1'], /^tune: unknown option '--sed'.*; --help lists the options$/m],
    [['score', '--show-request', 'x'], /^score: unknown option '--show-request', did you mean --show-requests; /m],
    [['kernel', 'instal'], /^kernel: .*Allowed choices are install, remove, where; /m],
    [['generate'], /^generate: required option '--prompt <text>' not specified; /m],
    [['record'], /^record: missing required argument 'run'; /m],
  ])('refuses %j', ([args, message]) => {
    const { status, stdout, stderr } = med42(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });

  test('is what `npx med42` starts, and builds where there is no build', () => {
    const { bin, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(join(ROOT, bin.med42)).toBe(BIN);
    expect(statSync(BIN).mode & 0o111).not.toBe(0);
    expect(Object.keys(scripts)).toEqual([
      'build',
      'test',
      'lint',
      'typecheck',
      'reproduce',
      'lab',
      'notebooks',
      'campaign',
      'bench',
      'gpu-check',
    ]);
    rmSync(join(ROOT, 'dist', '.built'), { force: true });
    expect(med42('--help').stderr).toBe('Building the workbook, once.\n');
    expect(med42('--help').stderr).toBe('');
  });
});

test('every list of presets is the list of presets', () => {
  const names = PRESET_NAMES.join(' | ');
  const words = (text: string) => text.replace(/\s+/g, ' ');
  expect(words(med42('reproduce', '--help').stdout)).toContain(names);
  expect(words(med42('notebooks', '--help').stdout)).toContain(names);
  for (const preset of PRESET_NAMES) {
    expect(parseNotebookOptions(['05', '--preset', preset], ROOT).values).toEqual({ preset });
    const model = ['real', 'smollm2', 'llama2'].includes(preset) ? ['--data', 'x', '--model', 'x'] : [];
    expect(parseOptions(['--preset', preset, ...model], ROOT, ROOT).preset).toBe(preset);
  }
});
