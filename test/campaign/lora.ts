import type { LoraConfig } from '../../lib/config';
import { float32, type HostTensors } from '../../lib/engine/tensors';
import type { LlamaConfig } from '../../lib/model/llama';

export const LORA_TARGETS: LoraConfig = {
  rank: 2,
  alpha: 4,
  dropout: 0,
  useRsLora: false,
  targetModules: ['q_proj', 'v_proj'],
};

/** Adapters of made-up numbers for the query and value projections of every layer. */
export function loraOf(config: LlamaConfig): HostTensors {
  const { hiddenSize: width, numHiddenLayers, numKeyValueHeads, headDim } = config;
  const tensors: Record<string, ReturnType<typeof float32>> = {};
  const add = (name: string, rows: number, columns: number) => {
    tensors[name] = float32(
      [rows, columns],
      Float32Array.from({ length: rows * columns }, (_, i) => (i % 7) / 10),
    );
  };
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    for (const [target, out] of [
      ['q_proj', config.numAttentionHeads * headDim],
      ['v_proj', numKeyValueHeads * headDim],
    ] as const) {
      const at = `model.layers.${layer}.self_attn.${target}`;
      add(`${at}.lora_A.weight`, 2, width);
      add(`${at}.lora_B.weight`, out, 2);
    }
  }
  return tensors;
}
