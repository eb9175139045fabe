import type { Device } from './device';
import type { Program, ProgramSpec, Step } from './program';

export type { Program, ProgramSpec, Step, Tensors } from './program';

/**
 * Traces `step` once for the shapes of `spec` and compiles it for `device`.
 *
 *     step --trace--> graph --the device's lowering--> program.run(inputs, state)
 *
 * Frozen weights are read by the runtime from their own files.
 *
 * @throws at trace time, naming kernel and op, when an op has no lowering for the device
 */
export async function compile(step: Step, spec: ProgramSpec, device: Device): Promise<Program> {
  return device.runtime.compile(step, spec);
}

/** What a program's run will hold at once beside its inputs, state and frozen weights, in bytes; nothing is compiled. */
export const workingBytes = (step: Step, spec: ProgramSpec, device: Device): number =>
  device.runtime.workingBytes(step, spec);
