import type { Runtime } from '../program';
import { XLA_DEFAULTS, type XlaOptions } from './options';
import type { Options } from './pjrt/api';
import { GPU_FLAGS } from './pjrt/compile-ahead';
import type { Flags } from './pjrt/compile-options';
import { loadPlugin } from './pjrt/plugin';
import { type FoundPlugin, findPlugin, type XlaDevice } from './plugins/find';
import { xlaRuntime } from './program';

const opened = new Map<string, Promise<Runtime>>();

/**
 * Opens a plug-in's devices, once a process: programs and state of one device run together, whoever opened it.
 *
 * @throws when there is no plug-in, it is of another kind, or it finds no device
 */
export async function openXla(name: XlaDevice, given: Partial<XlaOptions> = {}): Promise<Runtime> {
  const options = { ...XLA_DEFAULTS, ...given };
  const found = findPlugin(name, options);
  const key = JSON.stringify([name, found.file, options]);
  const runtime = opened.get(key) ?? openRuntime(name, found, options);
  opened.set(key, runtime);
  try {
    return await runtime;
  } catch (error) {
    // The next call may find what was missing.
    opened.delete(key);
    throw error;
  }
}

/**
 * A card's memory is taken as programs need it, up to this part: a process that only looks whether the device is there
 * leaves it to those that train. By itself the plug-in takes three quarters at once, and no more.
 */
const GPU = { preallocate: false, memory_fraction: { float: 0.95 } };

function clientOptions(name: XlaDevice, { entry }: FoundPlugin, { devices }: XlaOptions): Options {
  const kind = name === 'xla' ? entry?.device : name.slice(4);
  if (kind === 'cpu') return { cpu_device_count: devices };
  return kind === 'cuda' || kind === 'rocm' ? GPU : {};
}

const cudaFlags = ({ cudaDataDir }: FoundPlugin): Flags => ({
  ...GPU_FLAGS,
  ...(cudaDataDir ? { xla_gpu_cuda_data_dir: cudaDataDir } : {}),
});

async function openRuntime(name: XlaDevice, found: FoundPlugin, options: XlaOptions): Promise<Runtime> {
  const { file } = found;
  const client = await loadPlugin(file, found).createClient(clientOptions(name, found, options));
  if (name !== 'xla' && (name === 'xla:cpu') !== (client.platform === 'cpu')) {
    client.close();
    throw new Error(`device: ${name} needs another plug-in than ${file}, which is for ${client.platform}`);
  }
  if (options.attention === 'cudnn' && (client.platform !== 'cuda' || options.precision !== 'bf16')) {
    client.close();
    throw new Error(
      `device: cuDNN's attention is for NVIDIA's cards and products in bf16, got ${client.platform} and ` +
        `${options.precision}; use --attention blocks`,
    );
  }
  if (client.devices.length < options.devices) {
    const found = client.devices.length;
    client.close();
    throw new Error(
      `device: ${name} has ${found} device${found === 1 ? '' : 's'}, got --devices ${options.devices}; ask for fewer`,
    );
  }
  return xlaRuntime(client, options, client.platform === 'cuda' ? cudaFlags(found) : {});
}
