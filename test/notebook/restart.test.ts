import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ModelRecord } from '../../lib/compare/run-record';
import { type Kernel, type Ran, startKernel } from './kernel-client';

const folder = mkdtempSync(join(tmpdir(), 'restart-'));
const kernels: Kernel[] = [];
afterAll(() => {
  for (const kernel of kernels) kernel.stop();
  rmSync(folder, { recursive: true });
});

const open = async (): Promise<Kernel> => {
  const kernel = await startKernel('ours');
  kernels.push(kernel);
  return kernel;
};

const cell = (out: string): string =>
  `import { makeModel, parseOptions } from 'med42-workbook';
  const options = parseOptions(['--preset', 'smoke', '--samples', '60', '--limit', '1', '--out', ${JSON.stringify(out)}], '.', '.');
  const training = { ...options.config.lora, epochs: 12, batchSize: 2 };
  const made = await makeModel({ name: 'trial', training, options });
  made.training.updates`;

const shownBy = ({ published }: Ran): string =>
  published.map(({ content }) => content.data?.['text/plain'] ?? '').join('\n');

/** All that a training came to, without what the clock and the memory say. */
function resultOf(out: string) {
  const { record } = JSON.parse(readFileSync(join(out, 'records/trial.json'), 'utf8')) as { record: ModelRecord };
  const adapter = readFileSync(join(out, 'models/trial/adapter_model.safetensors'));
  return {
    log: record.training!.log.map(({ seconds: _, ...rest }) => rest),
    adapter: createHash('sha256').update(adapter).digest('hex'),
    items: record.scores.items,
  };
}

test('interrupted, the kernel shut down and another started, the same cell carries on to the very same numbers', async () => {
  const out = join(folder, 'interrupted');
  const first = await open();
  const training = first.run(cell(out));
  await Promise.race([
    first.published(({ content }) => /\btraining {2}[1-9]\d*\/\d+/.test(content.data?.['text/plain'] ?? '')),
    training.then(({ reply }) => {
      throw new Error(`the training was over before it could be interrupted: ${reply.status} ${reply.evalue ?? ''}`);
    }),
  ]);
  process.kill(-first.process.pid!, 'SIGINT');
  const { reply } = await training;
  const stopped = /^train: interrupted after step (\d+) of (\d+);/.exec(reply.evalue);
  expect(stopped, reply.evalue).not.toBeNull();
  const [step, total] = stopped!.slice(1).map(Number) as [number, number];
  expect(step).toBeGreaterThan(0);
  expect(step).toBeLessThan(total);
  expect(existsSync(join(out, 'records/trial.json'))).toBe(false);

  const gone = new Promise((done) => first.process.once('exit', done));
  await first.ask('control', 'shutdown_request', { restart: true });
  expect(await gone).toBe(0);

  const second = await open();
  expect(second.process.pid).not.toBe(first.process.pid);
  const carried = await second.run(cell(out));
  expect(carried.reply.status, carried.reply.evalue).toBe('ok');
  expect(shownBy(carried)).toContain(`training was carried on from step ${step} of ${total}`);
  const updates = [...shownBy(carried).matchAll(/\btraining {2}([1-9]\d*)\/\d+/g)].map(([, done]) => Number(done));
  expect(Math.min(...updates)).toBeGreaterThan(step);

  const whole = join(folder, 'whole');
  const uninterrupted = await second.run(cell(whole));
  expect(uninterrupted.reply.status, uninterrupted.reply.evalue).toBe('ok');
  expect(shownBy(uninterrupted)).not.toContain('carried on');
  const result = resultOf(out);
  expect(result.log.filter(({ loss }) => loss !== undefined).map(({ step: done }) => done)).toEqual(
    Array.from({ length: total }, (_, i) => i + 1),
  );
  expect(result).toEqual(resultOf(whole));
});
