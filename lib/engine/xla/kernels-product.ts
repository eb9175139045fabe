import { sizeOf } from '../tensors';
import { operand } from '../trace/graph';
import { broadcastTo, convert, type Lowerings, reshape } from './kernels';
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
    const dimensions = `dot_dimension_numbers = #stablehlo.dot<${numbers}>`;
    if (m.products === 'float32') {
      return m.op('dot_general', [a, b], a.type, shape, { attributes: `${dimensions}, ${PRECISION}` });
    }
    // The sums are float32 in any case. What goes on to the next layer is kept in 16 bits.
    const isKept = !transposeA && !call.attrs.inFull;
    const sides = [a, b].map((x) => convert(m, x, 'bfloat16'));
    const product = m.op('dot_general', sides, isKept ? 'bfloat16' : 'float32', shape, { attributes: dimensions });
    return convert(m, product, 'float32');
  },
};
