import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensors } from '../../lib/engine/compile';
import { encodeModel } from '../../lib/engine/onnx/encode';
import { type OnnxDeviceName, sessionOptions } from '../../lib/engine/onnx/options';
import * as ort from '../../lib/engine/onnx/ort';
import { hostToOrt, onnxGraph } from '../../lib/engine/onnx/program';
import type { HostTensors } from '../../lib/engine/tensors';
import type * as tf from '../../lib/engine/tf';
import { specsOf } from './run-once';

interface Event {
  readonly cat: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string };
}

/** Runs a step under ONNX Runtime's profiler: provider -> the operators it ran. */
export async function placement(
  fn: (inputs: Tensors) => Record<string, tf.Tensor>,
  inputs: HostTensors,
  name: OnnxDeviceName,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const device = { name, threads: 1, flushDenormals: false };
  const spec = { name: 'placement', inputs: specsOf(inputs), state: {} };
  const { graph } = onnxGraph(({ inputs: given }) => ({ outputs: fn(given) }), spec, device);
  const folder = mkdtempSync(join(tmpdir(), 'placement-'));
  try {
    const session = await ort.InferenceSession.create(encodeModel(graph), {
      ...sessionOptions(device),
      enableProfiling: true,
      profileFilePrefix: join(folder, 'run'),
    });
    const fed = Object.entries(inputs).map(([name, t]) => [`in.${name}`, hostToOrt(t)] as const);
    await session.run(Object.fromEntries(fed.filter(([name]) => session.inputNames.includes(name))));
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
