// First, and alone: what follows loads ONNX Runtime.
import '../engine/onnx/no-telemetry';
import { dirname, relative } from 'node:path';
import { AutoModel, env, LogLevel, Tensor } from '@huggingface/transformers';
import type { Device } from '../engine/device';
import type { SentenceFolder } from './sentence-folder';

// What goes wrong comes as an exception. Models come from folders: hub.ts fetches, and says so, before.
env.logLevel = LogLevel.NONE;
env.allowRemoteModels = false;
env.allowLocalModels = true;

/** A transformer's last hidden state, [B, T, C] of token ids and mask [B, T]. */
export interface HiddenStates {
  run(ids: BigInt64Array, mask: BigInt64Array, batch: number): Promise<{ data: Float32Array; width: number }>;
  dispose(): Promise<void>;
}

/**
 * @param found its weights are `<model folder>/onnx/model.onnx`
 * @throws when ONNX Runtime cannot read the graph, or it gives no hidden states
 */
export async function openHiddenStates(
  { weights, network }: Pick<SentenceFolder, 'weights' | 'network'>,
  device: Device,
): Promise<HiddenStates> {
  const folder = dirname(dirname(weights));
  const model = await AutoModel.from_pretrained(folder, {
    dtype: 'fp32',
    device: device.name === 'webgpu' || device.name === 'cuda' ? device.name : 'cpu',
    subfolder: relative(folder, dirname(weights)),
    local_files_only: true,
    session_options: { intraOpNumThreads: device.threads, logSeverityLevel: 4 },
  }).catch((error: Error) => {
    throw new Error(
      `encoder: ${weights} cannot be opened${network ? ` as a ${network}` : ''} (${error.message}); ` +
        'export it again, as one graph of an encoder such as BERT’s',
      { cause: error },
    );
  });
  return {
    run: async (ids, mask, batch) => {
      const dims = [batch, ids.length / batch];
      const feeds = { input_ids: new Tensor('int64', ids, dims), attention_mask: new Tensor('int64', mask, dims) };
      const result = (await model(feeds).catch((error: Error) => {
        throw new Error(
          `encoder: ${weights} cannot compute these texts (${error.message}); its tokenizer.json may be another encoder's, or ` +
            'the graph is damaged: fetch the folder again',
          { cause: error },
        );
      })) as Readonly<Record<string, Tensor>>;
      const hidden = result.last_hidden_state ?? result.token_embeddings;
      if (hidden?.dims.length !== 3) {
        throw new Error(
          `encoder: ${weights} gives ${Object.keys(result).join(', ')}; export it with the output last_hidden_state`,
        );
      }
      return { data: hidden.data as Float32Array, width: hidden.dims[2]! };
    },
    dispose: async () => {
      await model.dispose();
    },
  };
}
