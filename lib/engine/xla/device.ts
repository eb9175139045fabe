import type { Runtime } from '../program';
import { XLA_DEFAULTS, type XlaOptions } from './options';
import { loadPlugin } from './pjrt/plugin';
import { type FoundPlugin, findPlugin, type XlaDevice } from './plugins/find';
import { xlaRuntime } from './program';

const opened = new Map<string, Promise<Runtime>>();

/**
 * Opens a plug-in's devices, once a process: programs and state of one device run together, whoever opened it.
 * MED42_XLA_PLUGIN names the file of a plug-in to take before all others.
 *
 * @throws when there is no plug-in, it is of another kind, or it finds no device
 */
export async function openXla(name: XlaDevice, given: Partial<XlaOptions> = {}): Promise<Runtime> {
  const options = { ...XLA_DEFAULTS, ...given };
  const named = process.env.MED42_XLA_PLUGIN;
  const key = JSON.stringify([name, named, options]);
  const plugin = () => findPlugin(name, named ? { plugin: named } : {});
  const runtime = opened.get(key) ?? openRuntime(name, plugin(), options);
  opened.set(key, runtime);
  try {
    return await runtime;
  } catch (error) {
    // The next call may find what was missing.
    opened.delete(key);
    throw error;
  }
}

async function openRuntime(name: XlaDevice, { file, preload }: FoundPlugin, options: XlaOptions): Promise<Runtime> {
  const client = await loadPlugin(file, { preload }).createClient(
    name === 'xla:cpu' ? { cpu_device_count: options.devices } : {},
  );
  if (name !== 'xla' && (name === 'xla:cpu') !== (client.platform === 'cpu')) {
    client.close();
    throw new Error(`device: ${name} needs another plug-in than ${file}, which is for ${client.platform}`);
  }
  if (client.devices.length < options.devices) {
    const found = client.devices.length;
    client.close();
    throw new Error(
      `device: ${name} has ${found} device${found === 1 ? '' : 's'}, got --devices ${options.devices}; ask for fewer`,
    );
  }
  return xlaRuntime(client, options);
}
