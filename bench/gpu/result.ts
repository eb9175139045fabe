import { freemem, totalmem } from 'node:os';
import type { Method } from '../../lib/config';
import type { Hardware } from '../../lib/engine/program';
import { usableBytes } from '../../lib/plan/cards';
import { countMemory, flopsAToken } from '../../lib/plan/count';
import { countParameters } from '../../lib/train/memory';
import type { AttentionResult } from './attention';
import type { KernelResult } from './kernels';
import type { ParityResult } from './parity';
import { isNothing, type Nothing } from './part';
import type { MatrixRate } from './rate';
import { requestOf, SHAPES, type ShapeName } from './shapes';
import type { StepTimes } from './steps';
import type { TorchTimes } from './torch';

/** What results/bench/gpu-NAME.json holds. */
export interface CheckResult {
  readonly device: Hardware;
  readonly node: string;
  readonly made: string;
  /** Of the check so far, and what it was given. */
  seconds: number;
  readonly budgetSeconds: number;
  rate?: MatrixRate | Nothing;
  parity?: readonly ParityResult[] | Nothing;
  kernels?: KernelResult | Nothing;
  attention?: AttentionResult | Nothing;
  readonly steps: Record<string, StepResult | Nothing>;
}

export interface StepResult extends StepTimes {
  /** Median of an update, seconds. */
  readonly median: number;
  readonly tokensPerSecond: number;
  /** Of the training itself, recomputation aside. */
  readonly flopsPerSecond: number;
  /** Of the measured matrix rate; null where that was not measured. */
  readonly utilisation: number | null;
  /** What `med42 plan` counts for a device, bytes. */
  readonly countedBytes: number;
  readonly torch?: (TorchTimes & { readonly median: number }) | { readonly refused: string };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

export function stepResult(
  shape: ShapeName,
  method: Method,
  times: StepTimes,
  rate: CheckResult['rate'],
  torch: TorchTimes | { readonly refused: string } | undefined,
): StepResult {
  const request = requestOf(shape, method, { title: '', memoryBytes: 0 });
  const training = { ...request, devices: 1 };
  const { batch, length } = SHAPES[shape];
  const middle = median(times.seconds);
  const flopsPerSecond = (flopsAToken(training) * batch * length) / middle;
  return {
    ...times,
    median: middle,
    tokensPerSecond: (batch * length) / middle,
    flopsPerSecond,
    utilisation: rate && !isNothing(rate) ? flopsPerSecond / rate.flopsPerSecond : null,
    countedBytes: countMemory(training).total,
    ...(torch ? { torch: 'refused' in torch ? torch : { ...torch, median: median(torch.seconds) } } : {}),
  };
}

/** Why a shape is not tried on a device, or undefined. */
export function tooLarge(shape: ShapeName, method: Method, { memory }: Hardware): string | undefined {
  const memoryBytes = memory?.limit ?? totalmem();
  const request = requestOf(shape, method, { title: '', memoryBytes });
  const { total } = countMemory({ ...request, devices: 1 });
  const size = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  if (total > usableBytes(request.target))
    return `it needs ${size(total)} by count, the device has ${size(memoryBytes)}`;
  // What is trained begins on the host, in float32, with its moments.
  const host = 12 * countParameters(request.model, request.lora).trained;
  if (host > freemem()) return `its state of ${size(host)} is made on the host, which has ${size(freemem())} free`;
  return undefined;
}

/** The result as lines for people. */
export function summary({ device, rate, parity, kernels, attention, steps, seconds }: CheckResult): string[] {
  const why = (nothing: Nothing) =>
    'failed' in nothing ? `failed: ${nothing.failed}` : `left out: ${nothing.leftOut}`;
  const lines = [`${device.kind} (${device.version.split('\n')[0]}), ${seconds.toFixed(0)} s`];
  if (rate) {
    const said = isNothing(rate) ? why(rate) : `${(rate.flopsPerSecond / 1e12).toFixed(2)} TFLOP/s in bf16`;
    lines.push(`matrix products: ${said}`);
  }
  if (parity && isNothing(parity)) lines.push(`parity: ${why(parity)}`);
  else {
    for (const { method, precision, difference, allowed, passes } of parity ?? []) {
      lines.push(
        `parity, ${method}, ${precision}: ${passes ? 'passes' : 'FAILS'}, ${difference.toExponential(1)} of ${allowed.toExponential(1)}`,
      );
    }
  }
  if (kernels && isNothing(kernels)) lines.push(`kernels: ${why(kernels)}`);
  else if (kernels) {
    lines.push(
      `kernels: ${kernels.kernels - kernels.failures.length} of ${kernels.kernels} agree, worst ${kernels.worst.difference.toExponential(1)} (${kernels.worst.of})`,
      ...kernels.failures.map(({ kernel, what }) => `  FAILS: ${kernel}: ${what}`),
    );
  }
  if (attention && isNothing(attention)) lines.push(`attention: ${why(attention)}`);
  else if (attention) {
    const { blocks, cudnn, passes } = attention;
    lines.push(
      `attention by cuDNN: ${passes ? 'passes' : 'FAILS'}, ${cudnn.distance.toExponential(1)} from float32 (blocks ` +
        `${blocks.distance.toExponential(1)}), ${(blocks.seconds / cudnn.seconds).toFixed(1)} times the blocks' speed`,
    );
  }
  for (const [name, result] of Object.entries(steps)) {
    if (isNothing(result)) lines.push(`${name}: ${why(result)}`);
    else lines.push(`${name}: ${stepLine(result)}`);
  }
  return lines;
}

function stepLine({
  median: middle,
  utilisation,
  peakBytes,
  countedBytes,
  tokensPerSecond,
  torch,
}: StepResult): string {
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  return [
    `${middle.toFixed(3)} s an update, ${tokensPerSecond.toFixed(0)} tokens/s`,
    ...(utilisation === null ? [] : [`${(100 * utilisation).toFixed(1)} % of the matrix rate`]),
    `${peakBytes === null ? '' : `peak ${gigabytes(peakBytes)} GB, `}${gigabytes(countedBytes)} GB counted`,
    ...(torch === undefined
      ? []
      : 'refused' in torch
        ? [`PyTorch: ${torch.refused}`]
        : [`PyTorch ${torch.median.toFixed(3)} s: ${(torch.median / middle).toFixed(2)} times ours`]),
  ].join('; ');
}
