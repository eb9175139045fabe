import * as tf from '../tf';

/** What cannot be traced, said so that one knows what to write instead. */

/** tfjs ops that are being computed, outermost first: their scopes are marked, unlike those of tf.tidy. */
function opsUnderWay(): string[] {
  const names = tf.engine().state.scopeStack.map((scope) => scope.name ?? '');
  return names.filter((name) => name.endsWith('__op')).map((name) => name.slice(0, -4));
}

/** A mask drawn while tracing would be baked into the graph: the same one every step. */
export function refuseRandomness(): void {
  const drawing = opsUnderWay().find((op) => /random|dropout|multinomial|truncatedNormal/i.test(op));
  if (!drawing) return;
  throw new Error(
    `engine: tf.${drawing} cannot be traced: its numbers would be the same every step; ` +
      'derive them from a seed and a step number given as inputs (lib/engine/dropout.ts)',
  );
}

/** @param language what the graph would be written in */
export function refuseKernel(kernelName: string, language: string): Error {
  const op = opsUnderWay().at(-1);
  return new Error(
    `engine: kernel ${kernelName}${op ? ` (op ${op})` : ''} has no lowering to ${language}; ` +
      'write the step with other ops, or add it to lib/engine/trace/signatures.ts and to the lowerings',
  );
}

/** Every kernel tfjs knows that cannot be recorded fails by name instead of computing something else. */
export function refuseOtherKernels(backendName: string, language: () => string): void {
  const known = new Set(tf.getKernelsForBackend(backendName).map((k) => k.kernelName));
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (known.has(kernelName)) continue;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: () => {
        throw refuseKernel(kernelName, language());
      },
    });
  }
}

export const unreadable = () =>
  new Error('engine: the value of a tensor cannot be read while tracing; return it as an output of the step instead');
