import { type LoraConfig, PAPER_FULL, PAPER_LORA } from '../config';
import type { Attention } from '../engine/xla/options';
import type { LlamaConfig } from '../model/llama';
import { TOTALS } from '../paper/table-a1';
import { countParameters } from '../train/memory';
import { CARDS, isCpu, type Target, UTILISATION, usableBytes } from './cards';
import {
  type Collectives,
  countCollectives,
  countMemory,
  type DeviceMemory,
  flopsAToken,
  type Precision,
  type Training,
} from './count';
import { TOKENS_A_SAMPLE } from './tokens';

/** What is planned: a training of so many tokens on so many cards. */
export interface PlanRequest {
  /** How people call the model: "Llama-2 7B", or its folder. */
  readonly title: string;
  readonly model: LlamaConfig;
  /** Undefined: full-parameter. */
  readonly lora?: LoraConfig;
  readonly chunkLength: number;
  readonly batchADevice: number;
  readonly accumulation: number;
  readonly precision: Precision;
  readonly recompute: boolean;
  /** For compiling; the count knows blocks alone. */
  readonly attention: Attention;
  readonly target: Target;
  readonly epochs: number;
  /** Tokens of one epoch, padding aside. */
  readonly tokensAnEpoch: number;
  /** Updates at most. */
  readonly maxSteps?: number;
}

/** @template Memory parts of what a device holds, and their sum */
export interface Plan<Memory extends { readonly total: number } = DeviceMemory> {
  readonly request: PlanRequest;
  readonly parameters: { readonly base: number; readonly trained: number };
  readonly memory: Memory;
  readonly fits: boolean;
  readonly collectives: Collectives;
  readonly tokens: number;
  readonly updates: number;
  /** Of the whole training, recomputation aside. */
  readonly flops: number;
  /** At the assumed part of the cards' rate; undefined where their rate is not known. */
  readonly seconds: number | undefined;
  readonly disk: Disk;
  /** Changes that would make it fit, the smallest first; none where it fits. */
  readonly remedies: readonly Remedy[];
}

/** Bytes on disk. */
export interface Disk {
  /** Weights, moments and step, to carry the training on. */
  readonly checkpoint: number;
  /** What is saved at the end: an adapter, or a model in the training's precision. */
  readonly saved: number;
  /** Packed chunks: tokens and labels. */
  readonly chunks: number;
}

export interface Remedy {
  readonly change: string;
  /** Of a device, bytes. */
  readonly total: number;
}

/** The paper's chunk length and tokens, by one method's settings. */
export const PAPER_RUN = {
  lora: { lora: PAPER_LORA.lora, epochs: PAPER_LORA.epochs },
  full: { lora: undefined, epochs: PAPER_FULL.epochs },
  tokensAnEpoch: TOTALS.all.samples * TOKENS_A_SAMPLE,
} as const;

/** Counts a training on cards: memory of a device, operations, time, disk, and what would make it fit. */
export function planTraining(request: PlanRequest): Plan {
  const { target } = request;
  if (isCpu(target.name)) throw new Error('plan: a CPU is planned for with planOnCpu or planOnXlaCpu');
  return planWith(request, countMemory(trainingOf(request)), () => remediesOf(request));
}

/**
 * All of a plan but how its memory is counted.
 *
 * @param memory of a device
 * @param remedies asked where that does not fit
 */
export function planWith<Memory extends { readonly total: number }>(
  request: PlanRequest,
  memory: Memory,
  remedies: () => readonly Remedy[],
): Plan<Memory> {
  const { model, lora, target, epochs, tokensAnEpoch, chunkLength, batchADevice, accumulation, precision } = request;
  const training = trainingOf(request);
  const { base, trained, adapter } = countParameters(model, lora);
  const chunksAnEpoch = Math.ceil(tokensAnEpoch / chunkLength);
  const chunksAnUpdate = batchADevice * target.devices * accumulation;
  const all = Math.ceil(chunksAnEpoch / chunksAnUpdate) * epochs;
  const updates = Math.min(all, request.maxSteps ?? all);
  const tokens =
    updates === all ? tokensAnEpoch * epochs : Math.min(tokensAnEpoch * epochs, updates * chunksAnUpdate * chunkLength);
  const flops = flopsAToken(training) * tokens;
  const wide = precision === 'bf16' ? 2 : 4;
  const fits = memory.total <= usableBytes(target);
  const rate = target.card.bf16FlopsPerSecond;
  return {
    request,
    parameters: { base, trained },
    memory,
    fits,
    collectives: countCollectives(training),
    tokens,
    updates,
    flops,
    seconds: rate === undefined ? undefined : flops / (target.devices * UTILISATION * rate),
    disk: {
      checkpoint: 12 * trained,
      saved: adapter > 0 ? 4 * adapter : wide * base,
      chunks: 8 * tokensAnEpoch,
    },
    remedies: fits ? [] : remedies(),
  };
}

const trainingOf = ({ target, ...rest }: PlanRequest): Training => ({ ...rest, devices: target.devices });

function remediesOf(request: PlanRequest): Remedy[] {
  const { target, batchADevice, chunkLength, precision, recompute, lora } = request;
  const changes: (readonly [string, Partial<PlanRequest>])[] = [
    ...(recompute ? [] : [['without --no-recompute', { recompute: true }] as const]),
    ...(precision === 'float32' ? [['--precision bf16', { precision: 'bf16' }] as const] : []),
    ...(batchADevice > 1 ? [['--batch-size 1, and more --accumulation', { batchADevice: 1 }] as const] : []),
    ...[2, 4].map((by) => [`--max-seq-len ${chunkLength / by}`, { chunkLength: chunkLength / by }] as const),
    ...(lora ? [] : [['--method lora', { lora: PAPER_LORA.lora }] as const]),
  ];
  const fitting = (list: typeof changes): Remedy[] =>
    list.flatMap(([change, changed]) => {
      const other = { ...request, ...changed };
      const { total } = countMemory(trainingOf(other));
      return total <= usableBytes(other.target) ? [{ change, total }] : [];
    });
  const more = [2, 4, 8, 16, 32, 64].map((by) => {
    const devices = by * target.devices;
    return [`--target ${target.name}x${devices}`, { target: { ...target, devices } }] as const;
  });
  const larger = Object.entries(CARDS)
    .filter(([, card]) => card.memoryBytes > target.card.memoryBytes)
    .map(([name, card]) => {
      const many = target.devices > 1 ? `x${target.devices}` : '';
      return [`--target ${name}${many}`, { target: { ...target, card } }] as const;
    });
  // A card that is not in the list has no name to type.
  const named = target.name === 'card' ? [] : fitting(more).slice(0, 1);
  return [...fitting(changes), ...named, ...fitting(larger).slice(0, 1)];
}
