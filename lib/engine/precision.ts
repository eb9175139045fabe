/**
 * Where a runtime computes products in 16 bits, these give their float32 sums unrounded: the loss's, whose logits a bf16
 * would cut to three digits. Products of two transposed sides, gradients of weights, always do.
 */
let isFull = false;

export function inFull<T>(fn: () => T): T {
  const before = isFull;
  isFull = true;
  try {
    return fn();
  } finally {
    isFull = before;
  }
}

export const isInFull = (): boolean => isFull;
