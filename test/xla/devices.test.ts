import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Method } from '../../lib/config';
import { openDevice } from '../../lib/engine/device';
import type { HostTensors } from '../../lib/engine/tensors';
import type { Spread } from '../../lib/engine/xla/spread';
import { tunedModel } from '../../lib/model/tuned';
import { openRowInputs } from '../../lib/run/inputs';
import { PRESETS } from '../../lib/run/presets';
import { train } from '../../lib/train/train';
import { largestDifference } from '../parity/against';
import { CLI, linesOf, MINIATURE } from '../run/child';
import { xlaPossible } from './device';

/**
 * The miniature's trainings on several virtual devices beside the same on one. Chunks and settings are the preset's own,
 * but for batches of eight, which eight devices can share. A few updates on four devices; with MED42_EVERYTHING=1 the
 * first sixty on two, four and eight.
 */
const everything = process.env.MED42_EVERYTHING === '1';
const UPDATES = everything ? 60 : 6;
const CHECKPOINT = UPDATES / 2;
const COUNTS = everything ? [2, 4, 8] : [4];
const BATCH = 8;
if (everything) vi.setConfig({ testTimeout: 3_600_000 });

const work = mkdtempSync(join(tmpdir(), 'devices-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Trained {
  readonly losses: readonly number[];
  readonly weights: HostTensors;
  /** Of trained tensors and moments, as the plug-in counts them. */
  readonly bytes: readonly number[];
}

const known = new Map<string, Promise<Trained>>();

/** The first updates of the preset's training, once for each method and number of devices. */
function trained(method: Method, devices: number): Promise<Trained> {
  const key = `${method}-${devices}`;
  const run = known.get(key) ?? trainOn(method, devices, join(work, key));
  known.set(key, run);
  return run;
}

async function trainOn(method: Method, devices: number, folder: string): Promise<Trained> {
  const preset = PRESETS.miniature;
  const inputs = await openRowInputs({ data: MINIATURE, model: join(MINIATURE, 'base') }, preset);
  const config = { ...inputs.config[method], batchSize: BATCH, maxSteps: UPDATES };
  const model = tunedModel(inputs.base, method, method === 'lora' ? config.lora : undefined);
  const { state, records } = await train({
    model,
    config,
    device: await openDevice('xla:cpu', 1, { loops: true, devices }),
    chunks: inputs.chunks,
    heldOut: [],
    separate: true,
    folder,
    identity: { config, model: 'base', chunks: 'miniature' },
    checkpointEvery: UPDATES,
  });
  const weights: Record<string, HostTensors[string]> = {};
  for (const name of Object.keys(model.trainedShapes)) weights[name] = await state.read(name);
  const bytes = Array.from({ length: devices }, () => 0);
  for (const { current } of state.slots.values()) {
    for (const [device, part] of (current as Spread).parts.entries()) bytes[device]! += part.bytesOnDevice;
  }
  state.dispose();
  return { losses: records.flatMap(({ loss }) => loss ?? []), weights, bytes };
}

/** The figures of environment.md. */
const say = (line: string): void => {
  if (everything) console.log(line);
};

const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...b.map((loss, i) => Math.abs(a[i]! / loss - 1)));

/** Starts the command line in a group of its own; killed, all of its processes end at once. */
function med42(args: readonly string[], killWhen: () => boolean = () => false): Promise<string | number | null> {
  const { INIT_CWD: _, ...env } = process.env;
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'ignore', detached: true });
  const timer = setInterval(() => {
    if (child.exitCode === null && killWhen()) process.kill(-child.pid!, 'SIGKILL');
  }, 5);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(timer);
      resolve(signal ?? code);
    });
  });
}

describe.skipIf(!xlaPossible)('the miniature on virtual devices', () => {
  const methods: readonly Method[] = everything ? ['lora', 'full'] : ['lora'];
  const cases = methods.flatMap((method) => COUNTS.map((count) => [method, count] as const));

  test.each(cases)(
    '%s on %i: the losses and weights of one device, a share of the state on each',
    async (method, count) => {
      const [one, several] = [await trained(method, 1), await trained(method, count)];
      expect(several.losses).toHaveLength(UPDATES);
      const loss = furthest(several.losses, one.losses);
      const weight = Math.max(
        ...Object.entries(one.weights).map(([name, { data }]) => largestDifference(several.weights[name]!.data, data)),
      );
      say(
        `${method} on ${count}: losses within ${loss.toExponential(1)} of their size, weights ${weight.toExponential(1)}`,
      );
      expect(loss).toBeLessThan(1e-5);
      expect(weight).toBeLessThan(1e-4);
      for (const bytes of several.bytes) expect(bytes / (one.bytes[0]! / count)).toBeCloseTo(1, 2);
    },
  );

  test('killed on four devices, carried on with two: the losses of one', async () => {
    const out = join(work, 'killed');
    const settings = join(work, 'settings.json');
    writeFileSync(
      settings,
      JSON.stringify({
        extends: 'miniature',
        method: 'lora',
        training: { batchSize: BATCH, maxSteps: UPDATES },
        output: { checkpointEvery: CHECKPOINT },
        device: 'xla:cpu',
        recompute: 'layers',
      }),
    );
    const args = ['train', '--settings', settings, '--out', out];
    const log = join(out, 'train', 'lora', 'train.jsonl');
    const updates = () => linesOf(log).map((line) => JSON.parse(line) as { step: number; loss?: number });
    expect(await med42([...args, '--devices', '4'], () => (updates().at(-1)?.step ?? 0) > CHECKPOINT)).toBe('SIGKILL');
    expect(updates().at(-1)!.step).toBeLessThan(UPDATES);
    expect(await med42([...args, '--devices', '2'])).toBe(0);
    const one = await trained('lora', 1);
    const losses = updates().flatMap(({ loss }) => loss ?? []);
    say(`lora, killed on 4, carried on with 2: losses within ${furthest(losses, one.losses).toExponential(1)}`);
    expect(losses).toHaveLength(UPDATES);
    expect(furthest(losses, one.losses)).toBeLessThan(1e-5);
  });
});
