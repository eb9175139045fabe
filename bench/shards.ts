import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PAPER_LORA } from '../lib/config';
import { openDevice } from '../lib/engine/device';
import { stacksOf } from '../lib/engine/layers';
import { createState } from '../lib/engine/state';
import { sizeOf } from '../lib/engine/tensors';
import { openFrozenStore } from '../lib/engine/xla/frozen';
import { loadPlugin } from '../lib/engine/xla/pjrt/plugin';
import type { Spread } from '../lib/engine/xla/spread';
import { openStacks } from '../lib/engine/xla/stacks';
import { openModelFolder } from '../lib/model/folder';
import { weightShapes } from '../lib/model/llama';
import { tunedModel } from '../lib/model/tuned';
import { createRandom } from '../lib/random';
import { batchTensors } from '../lib/train/batches';
import { compileTraining, trainingState } from '../lib/train/programs';
import { updateOnce } from '../lib/train/train';
import { SHAPES } from './gpu/shapes';
import { cpuPlugin } from './xla-plugin';

/**
 * A checkpoint of 1.1 billion parameters in bf16 and in several files, on virtual devices of XLA's CPU plug-in:
 * MED42_XLA_PLUGIN=FILE npm run bench -- shards FOLDER [load | train] [devices] [updates] [tokens]
 *
 *     load      its weights alone: bytes on each device, and what the process held beside them at its peak
 *     train     LoRA updates, one chunk a device
 *
 * FOLDER is made where it is not there: TinyLlama's shape, random weights, 2.2 GB. Linux only: memory is read from /proc.
 */
const SHAPE = SHAPES['1.1b'].model;
const FILES = 3;
const MB = 2 ** 20;

async function main(): Promise<void> {
  const [given, what = 'load', count = '4', updates = '2', tokens = '64'] = process.argv.slice(2);
  if (given === undefined) throw new Error('shards: give a folder');
  const folder = resolve(given);
  if (!existsSync(join(folder, 'config.json'))) await writeCheckpoint(folder);
  const devices = Number(count);
  const base = await openModelFolder(folder);
  const model = tunedModel(base, 'lora', PAPER_LORA.lora);
  const say = (text: string) => console.log(`${text}; at most ${(peakBytes() / MB).toFixed(0)} MB in the process`);
  if (what === 'load') {
    const client = await loadPlugin(cpuPlugin()).createClient({ cpu_device_count: devices });
    const store = openFrozenStore(client, devices, openStacks(client, devices));
    say('opened');
    const held: Spread[] = [];
    for (const [stack, names] of stacksOf(model.frozen)) {
      held.push(
        await store.borrow(
          stack,
          names.map((name) => model.frozen[name]!),
        ),
      );
    }
    const own = client.devices
      .slice(0, devices)
      .map((_, device) => held.reduce((sum, { parts }) => sum + parts[device]!.bytesOnDevice, 0));
    const all = own.reduce((sum, bytes) => sum + bytes, 0);
    say(`${held.length} weights, ${held.filter(({ shape }) => shape.length === 3).length} of them stacks`);
    console.log(`on each device ${own.map((bytes) => `${(bytes / MB).toFixed(0)} MB`).join(', ')}`);
    console.log(`beside them at the peak: ${((peakBytes() - all) / MB).toFixed(0)} MB`);
    client.close();
    return;
  }
  const length = Number(tokens);
  const config = { ...PAPER_LORA, batchSize: devices, maxSeqLen: length, accumulation: 1 };
  const device = await openDevice('xla:cpu', 1, { loops: true, precision: 'bf16', devices });
  say('opened');
  const programs = await compileTraining(model, config, device, { separate: false });
  say('compiled and loaded');
  const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
  const random = createRandom(1, 'tokens');
  const rows = Array.from({ length: devices }, () => {
    const ids = Int32Array.from({ length: length + 1 }, () => random.int(SHAPE.vocabSize));
    return {
      tokens: ids.slice(0, length),
      targets: ids.slice(1),
      weights: new Float32Array(length).fill(1),
      segments: new Int32Array(length),
      positions: Int32Array.from({ length }, (_, i) => i),
    };
  });
  const batch = batchTensors(rows, devices, { separate: false });
  for (let step = 0; step < Number(updates); step++) {
    const began = performance.now();
    const { loss, gradientNorm } = await updateOnce(programs, config, state, [batch], step, 1e-3);
    const seconds = (performance.now() - began) / 1000;
    say(`update ${step + 1}: loss ${loss.toFixed(4)}, norm ${gradientNorm.toFixed(3)}, ${seconds.toFixed(1)} s`);
  }
  state.dispose();
  await programs.dispose();
}

const peakBytes = (): number => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

/** Weights of a normal distribution, tensor after tensor, in files of about equal size. */
async function writeCheckpoint(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const shapes = weightShapes(SHAPE);
  const names = Object.keys(shapes);
  const each = Math.ceil(names.length / FILES);
  const map: Record<string, string> = {};
  const random = createRandom(1, 'weights');
  // A table of numbers, read from changing places: drawing a billion takes minutes.
  const drawn = bf16(Float32Array.from({ length: 2 ** 20 + 1 }, () => random.normal() * 0.02));
  for (let i = 0; i < FILES; i++) {
    const own = names.slice(i * each, (i + 1) * each);
    const file = `model-0000${i + 1}-of-0000${FILES}.safetensors`;
    for (const name of own) map[name] = file;
    const handle = await open(join(folder, file), 'w');
    await writeTensors(handle, own, shapes, (name, data) => {
      if (name.endsWith('norm.weight')) data.fill(0x3f80);
      else
        for (let at = 0, from = random.int(drawn.length); at < data.length; at++)
          data[at] = drawn[(from + at) % drawn.length]!;
    });
    await handle.close();
  }
  const { vocabSize, hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads } = SHAPE;
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: vocabSize,
    hidden_size: hiddenSize,
    intermediate_size: intermediateSize,
    num_hidden_layers: numHiddenLayers,
    num_attention_heads: numAttentionHeads,
    num_key_value_heads: numKeyValueHeads,
    hidden_act: 'silu',
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };
  const total = names.reduce((sum, name) => sum + 2 * sizeOf(shapes[name]!), 0);
  const index = { metadata: { total_size: total }, weight_map: map };
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
}

const bf16 = (values: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);

async function writeTensors(
  handle: FileHandle,
  names: readonly string[],
  shapes: Readonly<Record<string, readonly number[]>>,
  fill: (name: string, data: Uint16Array) => void,
): Promise<void> {
  let end = 0;
  const header: Record<string, object> = {};
  for (const name of names) {
    const begin = end;
    end += 2 * sizeOf(shapes[name]!);
    header[name] = { dtype: 'BF16', shape: shapes[name], data_offsets: [begin, end] };
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  await handle.write(Buffer.concat([size, padded]));
  for (const name of names) {
    const data = new Uint16Array(sizeOf(shapes[name]!));
    fill(name, data);
    await handle.write(new Uint8Array(data.buffer));
  }
}

main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
