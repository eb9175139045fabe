import { FUSED_ATTENTION, FUSED_ATTENTION_GRADIENT } from '../trace/graph';
import type { HloSpec } from './hlo-text';
import { convert, type KernelCall, type Lowerings } from './kernels';
import type { Module, Value } from './module';

/**
 * cuDNN's attention, as custom calls that XLA hands to it: nothing of the square of scores is in memory, and the way back
 * computes it again from the queries' sums.
 *
 *     forward    q [B, N, T, D]  k, v [B, K, T, D]                 -> out [B, N, T, D], sums [B, N, T] float32
 *     backward   q, k, v, sums, gradient of out, out               -> gradients of q, k and v
 *
 * Source: jax 0.10.2, jax/_src/cudnn/fused_attention_stablehlo.py, whose own calls ours are compared with in the tests
 */
const FORWARD = '__cudnn$fmhaSoftmax';
const BACKWARD = '__cudnn$fmhaSoftmaxBackward';

/** Components of a head: cuDNN's kernels of the cards since Ampere. */
const MOST_COMPONENTS = 128;
const STEP = 8;

const fused: (call: KernelCall) => readonly Value[] = (call) => {
  const [q, k, v] = sixteenBits(call);
  assertComponents(q.shape.at(-1)!);
  const results = call.outputs.map(({ shape }, i): HloSpec => ({ type: i === 0 ? 'bfloat16' : 'float32', shape }));
  const [value, kept] = custom(call.graph, FORWARD, [q, k, v], results, {
    // Contracting axes of both sides; batch and heads are the first two of each.
    bmm1: [3, 3],
    bmm2: [3, 2],
  });
  return [convert(call.graph, value!, 'float32'), kept!];
};

const backward: (call: KernelCall) => readonly Value[] = (call) => {
  const { graph } = call;
  const given = call.inputs.operands as readonly Value[];
  const [q, k, v, dy, out] = sixteenBits(call, [0, 1, 2, 4, 5]);
  const results = call.outputs.map(({ shape }): HloSpec => ({ type: 'bfloat16', shape }));
  const gradients = custom(graph, BACKWARD, [q, k, v, given[3]!, dy!, out!], results, {
    bmm1_grad_gemm1: [2, 2],
    bmm1_grad_gemm2: [3, 2],
    bmm2_grad_gemm1: [2, 2],
    bmm2_grad_gemm2: [3, 3],
  });
  return gradients.map((gradient) => convert(graph, gradient, 'float32'));
};

function sixteenBits({ graph, inputs }: KernelCall, which: readonly number[] = [0, 1, 2]) {
  const given = inputs.operands as readonly Value[];
  return which.map((i) => convert(graph, given[i]!, 'bfloat16')) as [Value, Value, Value, Value?, Value?];
}

function assertComponents(size: number): void {
  if (size <= MOST_COMPONENTS && size % STEP === 0) return;
  throw new Error(
    `engine: cuDNN's attention takes heads of up to ${MOST_COMPONENTS} components, in steps of ${STEP}, and the model's ` +
      `have ${size}; leave out --attention cudnn`,
  );
}

/** A call, with a workspace that cuDNN sizes; each device computes its own rows of a batch. */
function custom(
  m: Module,
  target: string,
  operands: readonly Value[],
  results: readonly HloSpec[],
  products: Readonly<Record<string, readonly [number, number]>>,
): readonly Value[] {
  return m.eachOnItsOwn(operands, results, (own, parts) => {
    const [batch, heads, length] = own[0]!.shape as [number, number, number];
    const workspace: HloSpec = { type: 'uint8', shape: [0] };
    const config = JSON.stringify(backendConfig([batch, heads, length, own[1]!.shape[2]!], products));
    const layouts = (specs: readonly HloSpec[]) => `[${specs.map(rowMajor).join(', ')}]`;
    const attributes =
      `call_target_name = ${JSON.stringify(target)}, api_version = 2 : i32, backend_config = ${JSON.stringify(config)}, ` +
      `operand_layouts = ${layouts(own)}, result_layouts = ${layouts([...parts, workspace])}`;
    return m.ops('custom_call', own, [...parts, workspace], { attributes }).slice(0, -1);
  });
}

const rowMajor = ({ shape }: HloSpec): string =>
  `dense<${shape.length === 1 ? 0 : `[${shape.map((_, i) => shape.length - 1 - i).join(', ')}]`}> : tensor<${shape.length}xindex>`;

/** What XLA reads of the call: protobuf as JSON, whose integers of 64 bits are strings. */
function backendConfig(scores: readonly number[], products: Readonly<Record<string, readonly [number, number]>>) {
  const dimensions = Object.entries(products).map(([name, [left, right]]) => [
    `${name}_dot_dimension_numbers`,
    {
      lhs_contracting_dimensions: [String(left)],
      rhs_contracting_dimensions: [String(right)],
      lhs_batch_dimensions: ['0', '1'],
      rhs_batch_dimensions: ['0', '1'],
    },
  ]);
  return {
    operation_queue_id: '0',
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: '0',
        math_type: 'TENSOR_OP_MATH',
        tuning_knobs: { '17': '1', '24': '0' },
        is_cudnn_frontend: true,
        workspace_size: '0',
      },
      // Queries come scaled.
      fmha_scale: 1,
      intermediate_tensor_shape: {
        element_type: 'BF16',
        dimensions: scores.map(String),
        tuple_shapes: [],
        layout: {
          dim_level_types: [],
          dim_unique: [],
          dim_ordered: [],
          minor_to_major: ['3', '2', '1', '0'],
          tiles: [],
          element_size_in_bits: '0',
          memory_space: '0',
          index_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          pointer_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          dynamic_shape_metadata_prefix_bytes: '0',
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: 'CAUSAL',
      ...Object.fromEntries(dimensions),
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
}

export const ATTENTION: Lowerings = { [FUSED_ATTENTION]: fused, [FUSED_ATTENTION_GRADIENT]: backward };
