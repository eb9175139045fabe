import { checkUpdate, type ProgramSpec, type Step, type Tensors } from '../program';
import type * as tf from '../tf';
import type { TracedGraph, TraceInput } from './graph';
import { type TraceTarget, trace } from './trace';

export interface TracedStep {
  /** Inputs "in.", "state." and "frozen.", outputs "out." and "next.", each with its name. */
  readonly graph: TracedGraph;
  /** State tensors that the step replaces. */
  readonly updated: ReadonlySet<string>;
  /** Shapes of the outputs "out.". */
  readonly outputShapes: Readonly<Record<string, readonly number[]>>;
}

/** The graph of a step, and what it gives. */
export function traceStep(step: Step, spec: ProgramSpec, target: TraceTarget): TracedStep {
  const frozen = spec.frozen ?? {};
  const declared: TraceInput[] = [
    ...Object.entries(spec.inputs).map(([name, s]) => ({ name: `in.${name}`, type: s.dtype, shape: s.shape })),
    ...Object.entries(spec.state).map(([name, s]) => ({ name: `state.${name}`, type: s.dtype, shape: s.shape })),
    ...Object.entries(frozen).map(([name, w]) => ({
      name: `frozen.${name}`,
      type: w.dtype,
      shape: w.shape,
      file: { file: w.file, offset: w.offset, length: w.length },
    })),
  ];
  const pick = (tensors: Tensors, prefix: string, names: object): Tensors =>
    Object.fromEntries(Object.keys(names).map((name) => [name, tensors[prefix + name]!]));
  const updated = new Set<string>();
  const outputShapes: Record<string, readonly number[]> = {};
  const run = (tensors: Tensors): Tensors => {
    const result = step({
      inputs: pick(tensors, 'in.', spec.inputs),
      state: pick(tensors, 'state.', spec.state),
      frozen: pick(tensors, 'frozen.', frozen),
    });
    const named: Record<string, tf.Tensor> = {};
    for (const [name, tensor] of Object.entries(result.outputs)) {
      named[`out.${name}`] = tensor;
      outputShapes[`out.${name}`] = tensor.shape;
    }
    for (const [name, tensor] of Object.entries(result.state ?? {})) {
      checkUpdate(spec, name, tensor);
      updated.add(name);
      named[`next.${name}`] = tensor;
    }
    return named;
  };
  return { graph: trace(spec.name, declared, target, run, spec.open), updated, outputShapes };
}
