import type { Value } from './graph';
import { operand, reshape } from './kernels';
import { transpose } from './kernels-shape';
import { type KernelCall, registerLowering } from './trace';

/** Matrix products and softmax. */

/** Swaps the last two axes. */
const transposed = (call: KernelCall, x: Value): Value => {
  const rank = x.shape.length;
  const perm = x.shape.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
  return transpose(call, x, perm);
};

export function registerProducts(): void {
  registerLowering('BatchMatMul', (call) => {
    const a = operand(call, 'a');
    const b = operand(call, 'b');
    const { transposeA = false, transposeB = false } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
    const rows = a.shape.at(transposeA ? -1 : -2)!;
    const columns = b.shape.at(transposeB ? -2 : -1)!;
    const batch = a.shape.length >= b.shape.length ? a.shape.slice(0, -2) : b.shape.slice(0, -2);
    const wide = batch.map((d, i) =>
      Math.max(
        d,
        a.shape[a.shape.length - 2 - batch.length + i] ?? 1,
        b.shape[b.shape.length - 2 - batch.length + i] ?? 1,
      ),
    );
    const shape = [...wide, rows, columns];
    if (shape.slice(0, -2).every((d) => d === 1)) {
      const flat = (x: Value) => reshape(call, x, x.shape.slice(-2));
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      return reshape(call, call.graph.node('Gemm', [flat(a), flat(b)], a.type, [rows, columns], { attributes }), shape);
    }
    if (call.target.fusedMatMul && (transposeA || transposeB)) {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      return call.graph.node('FusedMatMul', [a, b], a.type, shape, { attributes, domain: 'com.microsoft' });
    }
    const left = transposeA ? transposed(call, a) : a;
    const right = transposeB ? transposed(call, b) : b;
    return call.graph.node('MatMul', [left, right], a.type, shape);
  });
  registerLowering('Softmax', (call) => {
    const x = operand(call, 'logits');
    return call.graph.node('Softmax', [x], x.type, x.shape, { attributes: { axis: call.attrs.dim as number } });
  });
}
