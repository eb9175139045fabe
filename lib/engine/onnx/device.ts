import type { Runtime } from '../program';
import { type OnnxDevice, type OnnxDeviceName, transferOptions } from './options';
import * as ort from './ort';
import { onnxRuntime } from './program';
import { openTransfer } from './transfer';

const REMEDIES: Readonly<Record<OnnxDeviceName, string>> = {
  cpu: 'reinstall with `npm ci`',
  webgpu: 'install a Vulkan driver and loader (Linux: the GPU’s driver and libvulkan1), or use --device cpu',
  cuda:
    'install its CUDA libraries with `npm rebuild onnxruntime-node --ignore-scripts=false` ' +
    '(needs the CUDA 12 toolkit and an NVIDIA driver), or use --device cpu',
};

/** @throws when this installation or machine cannot run the device, with what to do */
export async function openOnnx(device: OnnxDevice): Promise<Runtime> {
  const { name } = device;
  const missing = (why: string, cause?: unknown) =>
    new Error(`device: ${name} is not available here (${why}); ${REMEDIES[name]}`, { cause });
  const supported = ort.listSupportedBackends().map((b) => b.name);
  if (!supported.includes(name)) throw missing(`this onnxruntime-node has ${supported.join(', ')}`);
  if (name === 'cpu') return onnxRuntime(device);
  try {
    const transfer = await openTransfer(transferOptions(device));
    // Node's binding keeps tensors on the device for WebGPU only; with CUDA they return to the host each run.
    return onnxRuntime(name === 'webgpu' ? { ...device, transfer } : device);
  } catch (error) {
    // What follows the C++ assertion is for people.
    throw missing((error as Error).message.split(' was false. ').at(-1)!.trim(), error);
  }
}
