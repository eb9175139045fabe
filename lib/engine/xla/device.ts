import type { Runtime } from '../program';
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
export async function openXla(name: XlaDevice): Promise<Runtime> {
  const named = process.env.MED42_XLA_PLUGIN;
  const key = `${name} ${named}`;
  const runtime = opened.get(key) ?? openClient(name, findPlugin(name, named ? { plugin: named } : {}));
  opened.set(key, runtime);
  try {
    return await runtime;
  } catch (error) {
    // The next call may find what was missing.
    opened.delete(key);
    throw error;
  }
}

async function openClient(name: XlaDevice, { file, preload }: FoundPlugin): Promise<Runtime> {
  const client = await loadPlugin(file, { preload }).createClient(name === 'xla:cpu' ? { cpu_device_count: 1 } : {});
  if (name !== 'xla' && (name === 'xla:cpu') !== (client.platform === 'cpu')) {
    client.close();
    throw new Error(`device: ${name} needs another plug-in than ${file}, which is for ${client.platform}`);
  }
  return xlaRuntime(client);
}
