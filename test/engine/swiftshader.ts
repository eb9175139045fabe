import { existsSync } from 'node:fs';

/**
 * A Vulkan driver in software, for WebGPU without a GPU: the one that Debian's `chromium` package brings.
 * Import this file before anything that opens a WebGPU device.
 */
const FOLDER = '/usr/lib/chromium';
const DRIVER = `${FOLDER}/vk_swiftshader_icd.json`;
const LOADER = `${FOLDER}/libvulkan.so.1`;

const realGpu = existsSync('/dev/dri') || existsSync('/dev/nvidia0') || process.platform !== 'linux';

export const webgpuPossible: boolean = realGpu || existsSync(DRIVER);

if (!realGpu && existsSync(DRIVER)) {
  process.env.VK_ICD_FILENAMES ??= DRIVER;
  if (existsSync(LOADER)) preload(LOADER);
}

/**
 * Dawn asks for `libvulkan.so.1` by name, which finds a library that is loaded already. Node complains that this one is
 * no addon of its own, yet with the third flag (RTLD_NODELETE) it stays.
 */
function preload(library: string): void {
  const RTLD_NOW = 0x2;
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, library, RTLD_NOW | RTLD_NODELETE);
  } catch {
    // "Module did not self-register"
  }
}
