import type { Runtime } from '../program';
import { loadPlugin } from './pjrt/plugin';
import { pluginFile } from './plugin-file';
import { xlaRuntime } from './program';

/** `xla` takes the plug-in that is there, the others say of which kind it must be. */
export type XlaDeviceName = 'xla' | 'xla:cpu' | 'xla:cuda';

const opened = new Map<string, Promise<Runtime>>();

/**
 * Opens a plug-in's devices, once a process: programs and state of one device run together, whoever opened it.
 *
 * @throws when there is no plug-in, it is of another kind, or it finds no device
 */
export async function openXla(name: XlaDeviceName, loops: boolean): Promise<Runtime> {
  const file = pluginFile(name);
  const key = `${name} ${file} ${loops}`;
  const runtime = opened.get(key) ?? openClient(name, file, loops);
  opened.set(key, runtime);
  try {
    return await runtime;
  } catch (error) {
    // The next call may find what was missing.
    opened.delete(key);
    throw error;
  }
}

async function openClient(name: XlaDeviceName, file: string, loops: boolean): Promise<Runtime> {
  const kind = name === 'xla' ? undefined : name.slice(4);
  const client = await loadPlugin(file).createClient(kind === 'cpu' ? { cpu_device_count: 1 } : {});
  if (kind !== undefined && client.platform !== kind) {
    client.close();
    throw new Error(`device: ${name} needs a plug-in for ${kind}; ${file} is for ${client.platform}`);
  }
  return xlaRuntime(client, loops);
}
