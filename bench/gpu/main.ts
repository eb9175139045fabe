import { join, resolve } from 'node:path';
import { callersFolder } from '../../lib/cli/interrupt';
import type { Method } from '../../lib/config';
import type { Hardware } from '../../lib/engine/program';
import type { XlaOptions } from '../../lib/engine/xla/options';
import type { XlaDevice } from '../../lib/engine/xla/plugins/find';
import { writeFileAtomic } from '../../lib/files';
import { updateConfig } from '../../lib/plan/compiled';
import { HelpShown, newCommand, readArguments } from '../../lib/run/arguments';
import { checkAttention } from './attention';
import { openCheckDevice } from './device';
import { checkKernels } from './kernels';
import { checkParity } from './parity';
import { answer, isNothing, runPart } from './part';
import { measureRate } from './rate';
import { recordReference } from './record';
import { type CheckResult, stepResult, summary, tooLarge } from './result';
import { requestOf, SHAPE_NAMES, type ShapeName } from './shapes';
import { timeSteps } from './steps';
import { runTorch } from './torch';
import { writeBundle } from './write-bundle';

/** One check of a real card, part after part; what was measured is written after each, so that a cut run keeps it. */

const PARTS = ['rate', 'parity', 'kernels', 'attention', 'steps'] as const;
type PartName = (typeof PARTS)[number];
const METHODS: readonly Method[] = ['lora', 'full'];

const command = () =>
  newCommand('gpu-check', 'Checks and times a card through XLA: products, parity, kernels, attention, training steps.')
    .option('--device <name>', 'xla:cuda, xla:rocm, xla:cpu and so on', 'xla:cuda')
    .option('--plugin <file>', 'the plug-in’s file, in place of those that are found')
    .option('--parts <names>', PARTS.join(','), PARTS.join(','))
    .option('--shapes <names>', SHAPE_NAMES.join(','), SHAPE_NAMES.join(','))
    .option('--budget-seconds <n>', 'no part begins after it, and none goes on', '480')
    .option('--python <file>', 'an interpreter with PyTorch, to be timed beside', 'python3')
    .option('--out <folder>', 'where gpu-NAME.json goes', join('results', 'bench'))
    .option('--bundle <folder>', 'writes the check into a folder, to be run without a network; nothing is checked')
    .option('--record <file>', 'records PyTorch’s losses there; nothing is checked')
    .option('--part <name>', 'one part alone, for the check itself');

interface Given {
  readonly device: XlaDevice;
  readonly plugin?: string;
  readonly parts: string;
  readonly shapes: string;
  readonly budgetSeconds: string;
  readonly python: string;
  readonly out: string;
  readonly bundle?: string;
  readonly record?: string;
  readonly part?: string;
}

const began = performance.now();
const elapsed = () => (performance.now() - began) / 1000;
const say = (line: string) => console.log(`[${elapsed().toFixed(0).padStart(3)} s] ${line}`);

async function main(): Promise<void> {
  const { options } = readArguments<Given>(command(), process.argv.slice(2));
  if (options.part !== undefined) return runOnePart(options.part, options);
  if (options.bundle !== undefined)
    return writeBundle(resolve(callersFolder(), options.bundle), (line) => console.log(line));
  if (options.record !== undefined) return recordReference(resolve(callersFolder(), options.record), options.python);
  await check(options);
}

/** In a process of its own. */
async function runOnePart(part: string, { device: name, plugin }: Given): Promise<void> {
  const openWith = (options: Partial<XlaOptions>) =>
    openCheckDevice(name, { ...options, ...(plugin === undefined ? {} : { plugin }) });
  const open = (precision: 'float32' | 'bf16', loops: boolean) => openWith({ precision, loops });
  const [kind, shape, method] = part.split(' ');
  const tell = (line: string) => console.log(line);
  if (kind === 'device') answer((await open('bf16', true)).hardware());
  if (kind === 'rate') {
    const device = await open('bf16', false);
    answer(await measureRate(device, device.hardware().memory ? 8192 : 1024));
  }
  if (kind === 'parity') answer(await checkParity((precision) => open(precision, true), tell));
  if (kind === 'kernels') answer(await checkKernels(await open('float32', false), tell));
  if (kind === 'attention') answer(await checkAttention(openWith, tell));
  if (kind === 'steps') answer(await timeSteps(shape as ShapeName, method as Method, await open('bf16', true), tell));
  // A client's threads would keep the process.
  process.exit(0);
}

async function check(options: Given): Promise<void> {
  const parts = listOf<PartName>('--parts', options.parts, PARTS);
  const shapes = listOf<ShapeName>('--shapes', options.shapes, SHAPE_NAMES);
  const budgetSeconds = Number(options.budgetSeconds);
  if (!(budgetSeconds > 0)) {
    throw new Error(`gpu-check: --budget-seconds must be a number above 0, got "${options.budgetSeconds}"`);
  }
  const plugin = options.plugin === undefined ? [] : ['--plugin', resolve(callersFolder(), options.plugin)];
  const run = <Result>(part: string) =>
    budgetSeconds - elapsed() < 5
      ? Promise.resolve({ leftOut: 'the budget was spent' })
      : runPart<Result>(['--part', part, '--device', options.device, ...plugin], budgetSeconds - elapsed(), say);

  say(`opening ${options.device}`);
  const device = await run<Hardware>('device');
  if (isNothing(device))
    throw new Error(`gpu-check: no device: ${'failed' in device ? device.failed : device.leftOut}`);
  say(`${device.count} x ${device.kind}`);
  const made = new Date().toISOString();
  const result: CheckResult = { device, node: process.version, made, seconds: 0, budgetSeconds, steps: {} };
  const file = resolve(
    callersFolder(),
    options.out,
    `gpu-${device.kind.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.json`,
  );
  const keep = async () => {
    result.seconds = elapsed();
    await writeFileAtomic(file, `${JSON.stringify(result, undefined, 2)}\n`);
  };
  if (parts.includes('rate')) result.rate = await run('rate');
  await keep();
  if (parts.includes('parity')) result.parity = await run('parity');
  await keep();
  if (parts.includes('kernels')) result.kernels = await run('kernels');
  await keep();
  if (parts.includes('attention')) result.attention = await run('attention');
  await keep();
  for (const shape of parts.includes('steps') ? shapes : []) {
    for (const method of METHODS) {
      const name = `${shape} ${method}`;
      const leftOut = tooLarge(shape, method, device);
      const times =
        leftOut === undefined ? await run<Awaited<ReturnType<typeof timeSteps>>>(`steps ${name}`) : { leftOut };
      if (isNothing(times)) {
        say(`${name}: ${'failed' in times ? times.failed : times.leftOut}`);
        result.steps[name] = times;
      } else {
        result.steps[name] = stepResult(shape, method, times, result.rate, undefined);
        await keep();
        const torch = await beside(options, name, shape, method, budgetSeconds);
        result.steps[name] = stepResult(shape, method, times, result.rate, torch);
      }
      await keep();
    }
  }
  console.log(`\n${summary(result).join('\n')}\n${file}`);
  const parity = result.parity && !isNothing(result.parity) ? result.parity : [];
  const failed = result.kernels && !isNothing(result.kernels) && result.kernels.failures.length > 0;
  const isOff = result.attention && 'passes' in result.attention && !result.attention.passes;
  if (failed || isOff || parity.some(({ passes }) => !passes)) process.exitCode = 1;
}

/** PyTorch's updates of the same shape, on the same kind of device. */
async function beside(options: Given, name: string, shape: ShapeName, method: Method, budgetSeconds: number) {
  const left = budgetSeconds - elapsed();
  if (left < 5) return { refused: 'the budget was spent' };
  say(`${name}: PyTorch`);
  const plan = requestOf(shape, method, { title: '', memoryBytes: 0 });
  const answers = await runTorch(
    options.python,
    [
      {
        shape: plan.model,
        method,
        precision: 'bf16',
        config: updateConfig(plan),
        batch: plan.batchADevice,
        length: plan.chunkLength,
        device: options.device === 'xla:cpu' ? 'cpu' : 'cuda',
        steps: 20,
      },
    ],
    AbortSignal.timeout(Math.ceil(left * 1000)),
  );
  return 'refused' in answers ? answers : answers[0]!;
}

function listOf<Name extends string>(option: string, text: string, names: readonly Name[]): readonly Name[] {
  const given = text.split(',').map((name) => name.trim().toLowerCase());
  const wrong = given.find((name) => !(names as readonly string[]).includes(name));
  if (wrong === undefined) return given as Name[];
  throw new Error(`gpu-check: ${option} must be of ${names.join(', ')}, got "${wrong}"`);
}

main().catch((error: Error) => {
  if (error instanceof HelpShown) return;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
});
