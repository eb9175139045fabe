import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensors } from '../../lib/engine/compile';
import { type Device, sessionOptions } from '../../lib/engine/device';
import { encodeModel } from '../../lib/engine/onnx';
import * as ort from '../../lib/engine/runtime';
import { hostToOrt } from '../../lib/engine/state';
import type { HostTensors } from '../../lib/engine/tensors';
import type * as tf from '../../lib/engine/tf';
import { trace } from '../../lib/engine/trace';

interface Event {
  readonly cat: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string };
}

/** Runs a step under ONNX Runtime's profiler: provider -> the operators it ran. */
export async function placement(
  fn: (inputs: Tensors) => Record<string, tf.Tensor>,
  inputs: HostTensors,
  device: Device,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const declared = Object.entries(inputs).map(([name, t]) => ({ name, type: t.dtype, shape: t.shape }));
  const graph = trace('placement', declared, device.target, (given) =>
    Object.fromEntries(Object.entries(fn(given)).map(([name, t]) => [`out.${name}`, t])),
  );
  const folder = mkdtempSync(join(tmpdir(), 'placement-'));
  try {
    const session = await ort.InferenceSession.create(encodeModel(graph), {
      ...sessionOptions(device),
      enableProfiling: true,
      profileFilePrefix: join(folder, 'run'),
    });
    const asked = Object.entries(inputs).filter(([name]) => session.inputNames.includes(name));
    await session.run(Object.fromEntries(asked.map(([name, t]) => [name, hostToOrt(t)])));
    session.endProfiling();
    await session.release();
    const ran = new Map<string, Set<string>>();
    for (const { cat, args } of JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as Event[]) {
      if (cat !== 'Node' || !args?.provider || !args.op_name) continue;
      ran.set(args.provider, (ran.get(args.provider) ?? new Set()).add(args.op_name));
    }
    return ran;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
