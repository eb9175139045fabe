import { sizeOf } from '../tensors';
import { broadcastTo, type Lowerings, operand, reshape } from './kernels';
import type { Value } from './module';

/** float32 products stay float32: a GPU would round their operands to TF32. */
const PRECISION = 'precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]';

const list = (values: readonly number[]) => `[${values.join(', ')}]`;

export const PRODUCTS: Lowerings = {
  BatchMatMul: (call) => {
    const m = call.graph;
    const { transposeA = false, transposeB = false } = call.attrs as { transposeA?: boolean; transposeB?: boolean };
    const { shape } = call.outputs[0]!;
    const given = [operand(call, 'a'), operand(call, 'b')] as const;
    const batch = shape.slice(0, -2);
    // One matrix on the right for all: no batch there, and the left's batches are rows of one product.
    const shared = sizeOf(given[1].shape.slice(0, -2)) === 1;
    const wide = (x: Value) => broadcastTo(m, x, [...batch, ...x.shape.slice(-2)]);
    const a = wide(given[0]);
    const b = shared ? reshape(m, given[1], given[1].shape.slice(-2)) : wide(given[1]);
    const batching = shared ? [] : batch.map((_, i) => i);
    const [left, right] = [a.shape.length - (transposeA ? 2 : 1), b.shape.length - (transposeB ? 1 : 2)];
    const numbers =
      `lhs_batching_dimensions = ${list(batching)}, rhs_batching_dimensions = ${list(batching)}, ` +
      `lhs_contracting_dimensions = [${left}], rhs_contracting_dimensions = [${right}]`;
    const attributes = `dot_dimension_numbers = #stablehlo.dot<${numbers}>, ${PRECISION}`;
    return m.op('dot_general', [a, b], a.type, shape, { attributes });
  },
};
