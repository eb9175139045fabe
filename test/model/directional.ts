import { valueAndGradients } from '../../lib/engine/gradient';
import { type HostTensors, sizeOf } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { createRandom } from '../../lib/random';

export type Loss = (variables: Readonly<Record<string, tf.Tensor>>) => tf.Tensor;

const DIRECTIONS = 3;

/** What a gradient says and what the function does, along random directions of one tensor. */
export interface Check {
  readonly tensor: string;
  /** The largest difference, as a share of what a derivative along such a direction amounts to. */
  readonly error: number;
}

/**
 * Compares the gradient of a scalar function with central differences, tensor by tensor:
 *
 *     (f(x + e u) - f(x - e u)) / 2e   against   <gradient, u>,   u of random signs
 *
 * Random signs let every number of a tensor count; the difference is measured against |gradient| (what <gradient, u>
 * is on average), so that a factor, a sign or a term that is wrong shows whatever the direction. float32 leaves about
 * 1e-3; two step widths are combined (Richardson) so that the curvature leaves less than that.
 *
 * @param differentiate gives the gradients to check; autodiff's own by default
 */
export function checkGradients(
  loss: Loss,
  variables: HostTensors,
  { step = 2e-2, differentiate = gradientsOf }: { step?: number; differentiate?: typeof gradientsOf } = {},
): Check[] {
  const random = createRandom(5, 'directions');
  const gradients = differentiate(loss, variables);
  return Object.entries(variables).map(([tensor, { shape, data }]) => {
    const gradient = gradients[tensor]!;
    const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
    let error = 0;
    for (let d = 0; d < DIRECTIONS; d++) {
      const signs = Float32Array.from({ length: sizeOf(shape) }, () => (random.next() < 0.5 ? -1 : 1));
      const along = (e: number) => {
        const moved = Float32Array.from(data, (v, i) => v + e * signs[i]!);
        return lossAt(loss, { ...variables, [tensor]: { shape, dtype: 'float32', data: moved } });
      };
      const width = step / Math.sqrt(data.length);
      const difference = (e: number) => (along(e) - along(-e)) / (2 * e);
      const measured = (4 * difference(width) - difference(2 * width)) / 3;
      const said = gradient.reduce((sum, g, i) => sum + g * signs[i]!, 0);
      error = Math.max(error, Math.abs(measured - said) / norm);
    }
    return { tensor, error };
  });
}

const tensorsOf = (variables: HostTensors): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(variables).map(([name, t]) => [name, tf.tensor(t.data, [...t.shape], t.dtype)]));

export function gradientsOf(loss: Loss, variables: HostTensors): Record<string, Float32Array> {
  return tf.tidy(() => {
    const { gradients } = valueAndGradients(loss, tensorsOf(variables));
    return Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, g.dataSync()])) as never;
  });
}

export function lossAt(loss: Loss, variables: HostTensors): number {
  return tf.tidy(() => loss(tensorsOf(variables)).asScalar()).dataSync()[0]!;
}
