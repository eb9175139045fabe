import { operand } from '../trace/graph';
import type { Value } from './builder';
import { type KernelCall, type Lowerings, node, reshape } from './kernels';
import { transpose } from './kernels-shape';

/** Matrix products and softmax. */

/** Swaps the last two axes. */
const transposed = (call: KernelCall, x: Value): Value => {
  const rank = x.shape.length;
  const perm = x.shape.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
  return transpose(call, x, perm);
};

export const PRODUCTS: Lowerings = {
  BatchMatMul: (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    const { transposeA = false, transposeB = false } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
    const { shape } = call.outputs[0]!;
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    if (shape.slice(0, -2).every((d) => d === 1)) {
      const flat = (x: Value) => reshape(call, x, x.shape.slice(-2));
      const product = call.graph.node('Gemm', [flat(a), flat(b)], a.type, shape.slice(-2), { attributes });
      return reshape(call, product, shape);
    }
    if (call.graph.target.fusedMatMul && (transposeA || transposeB)) {
      return call.graph.node('FusedMatMul', [a, b], a.type, shape, { attributes, domain: 'com.microsoft' });
    }
    const left = transposeA ? transposed(call, a) : a;
    const right = transposeB ? transposed(call, b) : b;
    return node(call, 'MatMul', [left, right]);
  },
  Softmax: (call) => node(call, 'Softmax', [operand(call, 'logits')], { axis: call.attrs.dim as number }),
};
