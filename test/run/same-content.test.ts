import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow, MINIATURE, reproduceCli } from './child';

/** A run is of the rows that were read, not of the folder that they lay in. */

const work = mkdtempSync(join(tmpdir(), 'same content '));
afterAll(() => rmSync(work, { recursive: true }));
const [rows, copy, link, changed, out] = ['rows', 'copy', 'link', 'changed', 'out'].map((name) => join(work, name));
const smoke = (data: string) =>
  reproduceCli(['--preset', 'smoke', '--limit', '2', '--samples', '60', '--data', data, '--out', out!]);

beforeAll(async () => {
  cpSync(MINIATURE, rows!, { recursive: true });
  cpSync(MINIATURE, copy!, { recursive: true });
  symlinkSync(copy!, link!);
  cpSync(MINIATURE, changed!, { recursive: true });
  appendFileSync(join(changed!, 'eval', newest(changed!)), '\n');
  const first = await smoke(rows!);
  expect(first.code, first.stderr).toBe(0);
});

const newest = (folder: string): string => filesBelow(join(folder, 'eval')).find((name) => name.endsWith('.jsonl'))!;

describe('a finished run', () => {
  test('keeps what its models were made from, once', () => {
    const files = filesBelow(join(out!, 'inputs'));
    expect(files.map((file) => file.split('/').at(-1))).toEqual([
      'held-out.safetensors',
      'inputs.json',
      'train.safetensors',
    ]);
  });

  test.for([
    ['a copy of its data', () => copy!],
    ['a link to a copy', () => link!],
  ] as const)('is carried on with %s', async ([, folder]) => {
    const record = readFileSync(join(out!, 'records', 'lora-42.json'), 'utf8');
    const { code, stderr } = await smoke(folder());
    expect(code, stderr).toBe(0);
    expect(stderr.match(/was done; its record is used/g)).toHaveLength(3);
    expect(readFileSync(join(out!, 'records', 'lora-42.json'), 'utf8')).toBe(record);
  });

  test('is not carried on with other rows', async () => {
    const { code, stderr } = await smoke(changed!);
    expect([code, stderr]).toEqual([1, expect.stringContaining('holds a run with other settings, data or model')]);
  });
});

test('inputs that were changed are refused by name', async () => {
  rmSync(join(out!, 'records', 'lora-42.json'));
  const [file] = filesBelow(join(out!, 'inputs')).filter((name) => name.endsWith('inputs.json'));
  const path = join(out!, 'inputs', file!);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"batchSize":8', '"batchSize":4'));
  const { code, stderr } = await smoke(rows!);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/inputs\.json is not what the run wrote; start it anew/)]);
});

test('chunks that were changed are refused by name; lost ones are written again', async () => {
  rmSync(join(out!, 'inputs'), { recursive: true });
  rmSync(join(out!, 'records'), { recursive: true });
  const first = await smoke(rows!);
  expect(first.code, first.stderr).toBe(0);
  const file = join(out!, 'inputs', filesBelow(join(out!, 'inputs')).find((name) => name.endsWith('.safetensors'))!);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  rmSync(join(out!, 'records'), { recursive: true });
  const { code, stderr } = await smoke(rows!);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/chunks\.safetensors is not what the run wrote; start it/)]);
  rmSync(file);
  const again = await smoke(rows!);
  expect(again.code, again.stderr).toBe(0);
});
