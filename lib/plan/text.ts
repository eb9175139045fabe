import type { CompiledAhead } from '../engine/xla/pjrt/compile-ahead';
import type { ProcessMemory } from '../train/peak-memory';
import { isCpu, type Target, UTILISATION } from './cards';
import { countOperations } from './compiled';
import type { DeviceMemory } from './count';
import type { Plan, PlanRequest } from './plan';

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
const count = (n: number): string => Math.round(n).toLocaleString('en-US');

/** 9.4 hours, 12 days. */
export function duration(seconds: number): string {
  const units = [
    ['days', 86_400, 2],
    ['hours', 3600, 1],
    ['minutes', 60, 1],
  ] as const;
  const [name, size] = units.find(([, length, from]) => seconds >= from * length) ?? (['seconds', 1] as const);
  const value = seconds / size;
  return `${value < 10 ? value.toFixed(1) : count(value)} ${name}`;
}

const methodOf = ({ request: { lora } }: Pick<Plan, 'request'>): string =>
  lora ? `LoRA of rank ${lora.rank}` : 'full-parameter';

/** What the time rests on. */
export const TIME_NOTE =
  `time: at ${(100 * UTILISATION).toFixed(0)} % of the card's data sheet, an assumption ` +
  '(MaxText published 460 TFLOP/s a device for Llama-2 70B on 64 H100); not measured with this workbook';

/** A plan for a terminal, line by line. */
export function planLines(plan: Plan<DeviceMemory | ProcessMemory>): string[] {
  const { request, parameters, memory, collectives, disk, remedies } = plan;
  const inProcess = 'process' in memory;
  const { title, chunkLength, batchADevice, accumulation, precision, recompute, target, epochs } = request;
  const row = (name: string, bytes: number) => `  ${name.padEnd(46)}${gigabytes(bytes).padStart(9)}`;
  const devices = inProcess ? target.card.title : `${target.devices} x ${target.card.title}`;
  return [
    `${title}, ${methodOf(plan)}: ${count(parameters.base)} parameters, ${count(parameters.trained)} of them trained`.replace(
      request.lora ? ' of them trained' : '',
      request.lora ? ' trained beside them' : '',
    ),
    `chunks of ${count(chunkLength)} tokens, ${batchADevice} a device, accumulation ${accumulation}, ${precision}, ` +
      `${recompute ? 'recomputation by layer' : 'no recomputation'}, on ${devices}`,
    '',
    `memory of ${inProcess ? 'the process, estimated' : 'a device, counted     '}${' '.repeat(inProcess ? 15 : 16)}       GB`,
    ...(inProcess ? processRows(memory, target) : deviceRows(memory, recompute)).map(([name, bytes]) =>
      row(name, bytes),
    ),
    row(`in all, of ${gigabytes(target.card.memoryBytes)}: ${plan.fits ? 'fits' : 'DOES NOT FIT'}`, memory.total),
    ...remedies.map(({ change, total }) => `  would fit: ${change} (${gigabytes(total)} GB)`),
    ...(!plan.fits && remedies.length === 0 ? ['  none of the settings would make it fit: use a smaller model'] : []),
    '',
    target.devices > 1
      ? `between devices, an update: ${collectives.allGathers} all-gathers and ${collectives.reduceScatters} reduce-scatters, ` +
        `${gigabytes(collectives.bytes)} GB to each device`
      : 'between devices: nothing',
    `${count(plan.tokens)} tokens in ${count(plan.updates)} updates, ` +
      `${request.maxSteps === undefined ? `${count(epochs)} epochs` : `of ${count(epochs)} epochs or less`}: ` +
      `${plan.flops.toExponential(1)} floating-point operations`,
    plan.seconds === undefined
      ? 'time: no rate of this device is known; `med42 train` says it after its first update'
      : `about ${duration(plan.seconds)}`,
    `disk: ${gigabytes(disk.checkpoint)} GB a checkpoint, ${gigabytes(disk.saved)} GB for what is saved, ` +
      `${gigabytes(disk.chunks)} GB of chunks`,
  ];
}

const deviceRows = (memory: DeviceMemory, recompute: boolean): [string, number][] => [
  ['weights and moments, its share', memory.state],
  ['gradients, its share', memory.gradients],
  [recompute ? 'inputs of the layers' : 'activations', memory.activations],
  ['one layer at work', memory.layer],
  ['the loss', memory.loss],
];

const processRows = (memory: ProcessMemory, { name }: Target): [string, number][] => [
  ...(memory.frozen > 0
    ? ([[`frozen weights, as ${name === 'cpu' ? 'two programs hold them' : 'stored'}`, memory.frozen]] as [
        string,
        number,
      ][])
    : []),
  ['what is trained, with moments, before and after', memory.state],
  ['a step at work', memory.working],
  ['Node and libraries', memory.process],
];

/** What compiling said, beside the count. */
export function compiledLines(request: PlanRequest, compiled: CompiledAhead | undefined): string[] {
  if (!compiled) {
    const { recompute, target } = request;
    const why =
      isCpu(target.name) || target.name === 'card'
        ? `NVIDIA’s plug-in has no description of ${target.card.title}`
        : recompute
          ? 'NVIDIA’s plug-in is not here (npx med42 xla install cuda13 --compile-only)'
          : 'without recomputation nothing is looped over';
    return ['', `compiled: no; ${why}`];
  }
  const { memory, cardBytes, seconds } = compiled;
  const { allGathers, reduceScatters, allReduces, products } = countOperations(compiled);
  const verdict = memory.peak <= cardBytes ? 'fits' : 'DOES NOT FIT';
  return [
    '',
    `memory of a device, as XLA compiled it in ${seconds.toFixed(0)} s (accumulation 1): ${gigabytes(memory.peak)} GB at its peak, ` +
      `of ${gigabytes(cardBytes)}: ${verdict}`,
    `  ${gigabytes(memory.argument)} GB of weights, moments and inputs, ${gigabytes(memory.temporary)} GB while it runs`,
    `  in its text ${products} products by cuBLASLt, ${allGathers} all-gathers, ${reduceScatters} reduce-scatters, ${allReduces} all-reduces`,
    '  compiled for the card, never run on one',
  ];
}

/** Plans side by side, as Markdown. */
export function planTable(plans: readonly Plan[]): string {
  const head = [
    'training',
    'cards',
    'memory of a device, counted',
    'tokens',
    'operations',
    'time, assumed',
    'checkpoint',
  ];
  const rows = plans.map((plan) => [
    `${plan.request.title}, ${methodOf(plan)}, ${plan.request.epochs} epochs`,
    `${plan.request.target.devices} x ${plan.request.target.card.title}`,
    `${gigabytes(plan.memory.total)} GB${plan.fits ? '' : ', does not fit'}`,
    `${(plan.tokens / 1e6).toFixed(0)} million`,
    plan.flops.toExponential(1),
    plan.seconds === undefined ? 'not known' : duration(plan.seconds),
    `${gigabytes(plan.disk.checkpoint)} GB`,
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
