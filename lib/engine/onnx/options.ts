import type { OnnxTarget } from './builder';
import type * as ort from './ort';
import type { Transfer } from './transfer';

/** ONNX Runtime's execution providers. */
export type OnnxDeviceName = 'cpu' | 'webgpu' | 'cuda';

/** How one of them runs programs. */
export interface OnnxDevice {
  readonly name: OnnxDeviceName;
  readonly threads: number;
  readonly flushDenormals: boolean;
  /** Set where tensors stay on the device between runs. */
  readonly transfer?: Transfer;
}

export const onnxTarget = (name: OnnxDeviceName): OnnxTarget => ({
  fusedMatMul: name !== 'webgpu',
  integerMod: name !== 'webgpu',
  blocks: name === 'cpu',
});

/** Session options for a device; `gpuOutputs` stay on the device. */
export function sessionOptions(
  device: OnnxDevice,
  gpuOutputs: readonly string[] = [],
): ort.InferenceSession.SessionOptions {
  const common: ort.InferenceSession.SessionOptions = {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: device.threads,
    logSeverityLevel: 3,
    // A pattern is a second block for everything beside the one that the first run took: a quarter more memory.
    enableMemPattern: false,
    ...(device.flushDenormals ? { extra: { session: { set_denormal_as_zero: '1' } } } : {}),
  };
  if (device.name !== 'webgpu') return { ...common, executionProviders: [device.name] };
  return {
    ...common,
    executionProviders: ['webgpu'],
    preferredOutputLocation: Object.fromEntries(gpuOutputs.map((name) => [name, 'gpu-buffer' as const])),
  };
}

/** Buffers freed by a transfer are given back, not kept for its next run: that may never come. */
export function transferOptions(device: OnnxDevice): ort.InferenceSession.SessionOptions {
  const { preferredOutputLocation: _, ...options } = sessionOptions(device);
  if (device.name !== 'webgpu') return options;
  return { ...options, executionProviders: [{ name: 'webgpu', storageBufferCacheMode: 'disabled' } as never] };
}
