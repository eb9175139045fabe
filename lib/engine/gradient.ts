import * as tf from './tf';

/** A function with its gradient written out. */
export interface WithGradient {
  readonly value: tf.Tensor;
  /** What the gradient needs of the forward pass; kept alive until then. */
  readonly saved: readonly tf.Tensor[];
  /** dy and the saved tensors -> one gradient an input, in the inputs' order. */
  readonly gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[];
}

/** tf.customGrad with types: applies `forward` to `inputs`. */
export function withGradient(
  inputs: readonly tf.Tensor[],
  forward: (inputs: readonly tf.Tensor[]) => WithGradient,
): tf.Tensor {
  const op = tf.customGrad((...given) => {
    const save = given.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
    const { value, saved, gradient } = forward(given.slice(0, -1) as tf.Tensor[]);
    save([...saved]);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy, kept) };
  });
  return op(...inputs);
}

/** The tensors that gradients are being taken of. */
let underWay: readonly tf.Tensor[] = [];
export const variables = (): readonly tf.Tensor[] => underWay;
export const isVariable = (tensor: tf.Tensor): boolean => underWay.includes(tensor);

/** The scalar `loss()` and its gradient with respect to each named tensor. */
export function valueAndGradients(
  loss: (variables: Readonly<Record<string, tf.Tensor>>) => tf.Tensor,
  variables: Readonly<Record<string, tf.Tensor>>,
): { value: tf.Tensor; gradients: Record<string, tf.Tensor> } {
  const names = Object.keys(variables);
  const named = (tensors: readonly tf.Tensor[]) => Object.fromEntries(names.map((n, i) => [n, tensors[i]!]));
  const outer = underWay;
  underWay = names.map((n) => variables[n]!);
  try {
    const { value, grads } = tf.valueAndGrads((...xs: tf.Tensor[]) => loss(named(xs)).asScalar())([...underWay]);
    return { value, gradients: named(grads) };
  } finally {
    underWay = outer;
  }
}

/** The gradient of fn(xs) with respect to each x, for a change dy of its value: inside another gradient as well. */
export function gradientsOf(
  fn: (xs: readonly tf.Tensor[]) => tf.Tensor,
  xs: readonly tf.Tensor[],
  dy: tf.Tensor,
): tf.Tensor[] {
  // tfjs keeps one tape and throws it away after each gradient; the outer one still needs its own.
  const { state } = tf.engine() as unknown as { state: { activeTape: unknown } };
  const tape = state.activeTape;
  try {
    return tf.grads((...given: tf.Tensor[]) => fn(given))([...xs], dy);
  } finally {
    state.activeTape = tape;
  }
}
