import type { TrainConfig } from '../../config';
import type { Packing, PackingReport } from '../../data/packing/packing';
import { modelCard } from '../../model/model-card';
import type { BatchPlan } from '../../train/batches';
import { warmupUpdates } from '../../train/schedule';

/** The processes that train together, one a GPU. */
export interface World {
  readonly nodes: number;
  readonly processesPerNode: number;
  /** Chunks that one process reads at once. */
  readonly deviceBatch: number;
  /** `bf16`: weights stay in float32, products are made in bfloat16. */
  readonly precision: 'float32' | 'bf16';
}

/** Most GPUs of a common node. */
const USUAL_NODE = 8;

/**
 * The world that was asked for, with one node, a chunk at once, and up to eight processes where nothing was.
 *
 * @param perUpdate P, chunks of an update
 * @throws when the processes cannot share an update's chunks evenly
 */
export function worldOf(asked: Partial<World>, perUpdate: number): World {
  const { nodes = 1, deviceBatch = 1, precision = 'float32' } = asked;
  const fits = (n: number) => perUpdate % (nodes * n * deviceBatch) === 0;
  const usual = Array.from({ length: USUAL_NODE }, (_, i) => USUAL_NODE - i).find(fits) ?? USUAL_NODE;
  const processesPerNode = asked.processesPerNode ?? usual;
  if (!fits(processesPerNode)) {
    const together = nodes * processesPerNode * deviceBatch;
    throw new Error(
      `handoff: an update has ${perUpdate} chunks (batch size x accumulation), which ${nodes * processesPerNode} processes that read ` +
        `${deviceBatch} at once cannot share evenly; make --batch-size x --accumulation a multiple of ${together}, or change ` +
        '--nodes, --processes or --device-batch',
    );
  }
  return { nodes, processesPerNode, deviceBatch, precision };
}

export interface HandoffInput {
  readonly config: TrainConfig;
  readonly plan: BatchPlan;
  readonly world: World;
  readonly packing: Pick<PackingReport, 'packing' | 'chunks' | 'tokens' | 'lossTokens' | 'sha256'>;
  readonly rows: { readonly filled: number; readonly length: number };
  /** Trained parameters. */
  readonly trainable: number;
  readonly model: {
    readonly name: string;
    readonly layers: number;
    /** sha256 of config.json, and the bytes of each file of weights. */
    readonly configSha256: string;
    readonly weightBytes: Readonly<Record<string, number>>;
  };
  /** sha256 of the files of this folder that train.py reads. */
  readonly files: Readonly<Record<string, string>>;
  /** Versions that train.py insists on. */
  readonly packages: Readonly<Record<string, string>>;
  readonly checkpointEvery: number;
}

/**
 * handoff.json: all that train.py goes by. `trainer` is handed to transformers.TrainingArguments as it is.
 * Source: transformers 5.23.0 training_args.py, optimization.py (cosine_with_min_lr)
 */
export function handoffSettings(input: HandoffInput) {
  const { config, plan, world, packing, rows } = input;
  const perUpdate = config.batchSize * config.accumulation;
  const processes = world.nodes * world.processesPerNode;
  return {
    version: 1,
    note: 'Research only, not for clinical decisions.',
    method: config.method,
    world: { nodes: world.nodes, processesPerNode: world.processesPerNode, processes },
    model: input.model,
    trainable: input.trainable,
    decay: config.decay,
    data: {
      packing: packing.packing satisfies Packing,
      chunks: packing.chunks,
      chunkTokens: config.maxSeqLen,
      rowTokens: rows.length,
      epochs: config.epochs,
      updates: plan.totalSteps,
      rowsOfAnUpdate: perUpdate,
      rowsWithoutLabels: rows.filled,
      sampleTokens: packing.tokens,
      responseTokens: packing.lossTokens,
      chunksSha256: packing.sha256,
    },
    lora: config.method === 'lora' ? config.lora : null,
    /** README.md of what is saved. */
    card: modelCard({
      title: config.method === 'lora' ? 'A LoRA adapter' : 'A fine-tuned model',
      details:
        `Trained from ${input.model.name} for ${plan.totalSteps} updates (${config.epochs} epochs) with method ` +
        `"${config.method}" by transformers' Trainer on ${processes} processes, as trainer.json says.`,
    }),
    files: input.files,
    packages: input.packages,
    trainer: {
      per_device_train_batch_size: world.deviceBatch,
      gradient_accumulation_steps: perUpdate / (processes * world.deviceBatch),
      num_train_epochs: 1, // all epochs are written out
      train_sampling_strategy: 'sequential',
      dataloader_drop_last: false,
      remove_unused_columns: false,
      average_tokens_across_devices: true,
      optim: 'adamw_torch',
      learning_rate: config.learningRate,
      lr_scheduler_type: 'cosine_with_min_lr',
      lr_scheduler_kwargs: { min_lr_rate: config.finalRateRatio },
      warmup_steps: warmupUpdates(config.warmupSteps, plan.totalSteps),
      adam_beta1: config.beta1,
      adam_beta2: config.beta2,
      adam_epsilon: config.epsilon,
      weight_decay: config.weightDecay,
      max_grad_norm: config.clipNorm,
      seed: config.seed,
      bf16: world.precision === 'bf16',
      fsdp: true,
      fsdp_config: {
        version: 2,
        auto_wrap_policy: 'TRANSFORMER_BASED_WRAP',
        transformer_layer_cls_to_wrap: ['LlamaDecoderLayer'],
        reshard_after_forward: true,
        ...(config.method === 'full' ? { activation_checkpointing: true } : {}),
        cpu_ram_efficient_loading: true,
        state_dict_type: 'FULL_STATE_DICT',
      },
      // FSDP2's own recomputing puts a name into the modules of an adapter that peft 0.21.2 does not look for: it would
      // save an adapter without tensors.
      ...(config.method === 'lora'
        ? { activation_checkpointing: true, activation_checkpointing_kwargs: { use_reentrant: false } }
        : {}),
      logging_steps: 1,
      logging_nan_inf_filter: false,
      report_to: 'none',
      disable_tqdm: true,
      eval_strategy: 'no',
      save_strategy: 'steps',
      save_steps: input.checkpointEvery,
      save_total_limit: 2,
    },
  };
}

export type HandoffSettings = ReturnType<typeof handoffSettings>;
