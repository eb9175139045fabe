import { resolve } from 'node:path';
import { PAPER_LORA } from '../config';
import { ATTENTIONS } from '../engine/xla/options';
import { CARDS, isCpu } from '../plan/cards';
import { compilePlan } from '../plan/compiled';
import type { Precision } from '../plan/count';
import { shapeOf } from '../plan/model';
import { planOnCpu } from '../plan/on-cpu';
import { planOnXlaCpu } from '../plan/on-xla-cpu';
import { PAPER_RUN_NAMES, type PaperRunName, paperRun, planPaperRuns } from '../plan/paper-runs';
import { PAPER_RUN, type PlanRequest, planTraining } from '../plan/plan';
import { parseTarget } from '../plan/target';
import { compiledLines, planLines, planTable, TIME_NOTE } from '../plan/text';
import { TOKENS_NOTE } from '../plan/tokens';
import { newCommand, readArguments } from '../run/arguments';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'plan',
    'Says what a training needs and takes: memory of each device, operations, time, disk. Nothing is run.',
  )
    .argument(
      '<model>',
      `7B, 13B or 70B of Llama-2, a Hugging Face folder, a config.json, or the paper's own: ${PAPER_RUN_NAMES.join(', ')}; ` +
        '"paper" prints the four as a table',
    )
    .option(
      '--target <cards>',
      `${Object.keys(CARDS).join(', ')}; h100x8 for eight; cpu: this machine's, xla:cpu: the same by XLA; here: its cards, else its CPU  (default: h100)`,
    )
    .option('--method <name>', 'lora or full  (default: lora)')
    .option('--max-seq-len <n>', 'tokens of a chunk  (default: 4096)')
    .option('--batch-size <n>', 'chunks that a device takes at once  (default: 1)')
    .option('--accumulation <n>', 'batches of one update  (default: 1)')
    .option('--precision <name>', 'bf16 or float32  (default: bf16; on the CPU float32)')
    .option('--attention <name>', 'blocks, or cudnn for its kernel, which --compile takes  (default: blocks)')
    .option('--no-recompute', 'keeps what the layers compute for the way back')
    .option('--epochs <n>', "times that the rows are read  (default: the paper's, 8 for LoRA and 3 for full)")
    .option('--max-steps <n>', 'updates at most  (default: all of the epochs)')
    .option(
      '--compile',
      'compiles it for those cards as well, with NVIDIA’s plug-in (npx med42 xla install cuda13 --compile-only)',
    )
    .option('--plugin <file>', 'NVIDIA’s plug-in, in place of the one that `med42 xla list` shows')
    .option('--tokens <n>', "of one epoch  (default: the paper's 706,713 samples)");

interface Given {
  readonly target?: string;
  readonly method?: string;
  readonly maxSeqLen?: string;
  readonly batchSize?: string;
  readonly accumulation?: string;
  readonly precision?: string;
  readonly recompute: boolean;
  readonly attention?: string;
  readonly epochs?: string;
  readonly maxSteps?: string;
  readonly tokens?: string;
  readonly compile: boolean;
  readonly plugin?: string;
}

const pluginNamed = ({ plugin }: Given) => (plugin === undefined ? {} : { plugin: resolve(callersFolder(), plugin) });

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<Given>(command(), args);
  const [name] = words as readonly [string];
  let timed = true;
  if (name === 'paper') {
    console.log(planTable(planPaperRuns()));
  } else {
    const request = await requestOf(name, options);
    const plan = await planFor(request, options);
    timed = plan.seconds !== undefined;
    console.log(planLines(plan).join('\n'));
    if (request.target.name !== 'xla:cpu' && (options.compile || options.plugin !== undefined))
      console.log(compiledLines(request, await compilePlan(request, pluginNamed(options))).join('\n'));
  }
  const ownTokens = options.tokens !== undefined && name !== 'paper';
  const notes = [...(ownTokens ? [] : [`tokens: ${TOKENS_NOTE}`]), ...(timed ? [TIME_NOTE] : [])];
  console.log(['', ...notes].join('\n'));
  console.log('Research only, not for clinical decisions.');
}

function planFor(request: PlanRequest, options: Given) {
  if (request.target.name === 'cpu') return planOnCpu(request);
  return request.target.name === 'xla:cpu' ? planOnXlaCpu(request, pluginNamed(options)) : planTraining(request);
}

async function requestOf(name: string, given: Given): Promise<PlanRequest> {
  const start = PAPER_RUN_NAMES.includes(name as PaperRunName)
    ? paperRun(name as PaperRunName)
    : {
        ...paperRun('paper-7b-lora'),
        ...(await shapeOf(/^\d+b$/i.test(name) ? name : resolve(callersFolder(), name))),
      };
  const { lora: before, ...request } = start;
  const target = given.target === undefined ? request.target : parseTarget(given.target);
  const onCpu = isCpu(target.name);
  const maxSteps = positive('--max-steps', given.maxSteps);
  const method = oneOf('--method', given.method, ['lora', 'full'] as const) ?? (before ? 'lora' : 'full');
  return {
    ...request,
    ...(method === 'lora' ? { lora: PAPER_LORA.lora } : {}),
    chunkLength: positive('--max-seq-len', given.maxSeqLen) ?? request.chunkLength,
    batchADevice: positive('--batch-size', given.batchSize) ?? request.batchADevice,
    accumulation: positive('--accumulation', given.accumulation) ?? request.accumulation,
    precision:
      oneOf<Precision>('--precision', given.precision, ['bf16', 'float32']) ?? (onCpu ? 'float32' : request.precision),
    recompute: given.recompute && target.name !== 'cpu',
    attention: oneOf('--attention', given.attention, ATTENTIONS) ?? request.attention,
    target,
    ...(maxSteps === undefined ? {} : { maxSteps }),
    epochs: positive('--epochs', given.epochs) ?? PAPER_RUN[method].epochs,
    tokensAnEpoch: positive('--tokens', given.tokens) ?? request.tokensAnEpoch,
  };
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`plan: ${option} must be a positive integer, got "${text}"`);
}

function oneOf<Name extends string>(
  option: string,
  text: string | undefined,
  names: readonly Name[],
): Name | undefined {
  if (text === undefined || names.includes(text as Name)) return text as Name | undefined;
  throw new Error(`plan: ${option} must be ${names.join(' or ')}, got "${text}"`);
}
