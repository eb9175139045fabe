import type { HandoffSettings } from './settings';

const count = (n: number): string => n.toLocaleString('en');

/** The README.md of a hand-off, for whoever trains it. */
export function handoffReadme({ world, data, method, model, trainer, packages, lora }: HandoffSettings): string {
  const isLora = method === 'lora';
  const saved = isLora ? 'out/adapter' : 'out/model';
  return `# A training, handed to transformers' Trainer

**Research only. Not for clinical decisions: what comes out may be wrong, and nobody has checked it.**

This folder trains ${model.name} by ${isLora ? `LoRA (rank ${lora?.rank}, alpha ${lora?.alpha})` : 'full-parameter fine-tuning'}: ${count(data.updates)} updates of
${count(data.rowsOfAnUpdate)} chunks of ${count(data.chunkTokens)} tokens (${data.packing}), ${data.epochs} epochs, on ${world.processes} processes (${world.nodes} nodes with ${world.processesPerNode} GPUs
each, ${trainer.per_device_train_batch_size} chunks at once, ${trainer.gradient_accumulation_steps} times an update), sharded by FSDP2. It was written by \`med42 handoff\` of the Med42
workbook; nothing of the workbook runs where you train. \`med42 train\` with settings.json trains the same on one machine.

## Train

Linux, Python 3.11 or newer, and the base model's folder (it is not in here; see "model" in handoff.json):

    python3 -m venv venv && . venv/bin/activate
    pip install --require-hashes -r requirements.txt
    export MODEL=/path/to/${model.name}

| where | command |
|---|---|
| one machine | \`bash launch/one-node.sh\` |
| several machines, one command on each | \`HEAD=HOST:PORT bash launch/nodes.sh\` |
| Slurm | \`sbatch launch/slurm.sbatch\` |
| Ray | \`pip install "ray[train]==2.60.0"\`, then \`python ray_train.py\` |
| Kubernetes with Kubeflow Trainer 2 | change the image and the claims in launch/trainjob.yaml, then \`kubectl apply -f launch/trainjob.yaml\` |

All nodes must see this folder under one path. \`--resume\` goes on from the last checkpoint, of every
${trainer.save_steps} updates. \`--cpu\` trains without GPUs, for a test; pip's CPU build of torch ${packages.torch} is enough for it.

Do not use \`accelerate launch\`: with \`--cpu\` it starts one process whatever it is told. The script would refuse.

## Bring back

Copy \`${saved}\` to the machine with the workbook:

    npx med42 score ${isLora ? `--model ${model.name} --adapter adapter` : '--model model'}

It names the trainer, which \`${saved}/trainer.json\` holds. Losses are in out/train.jsonl, a line an update.

## What is what

| file | |
|---|---|
| handoff.json | all settings as data. \`trainer\` goes to transformers.TrainingArguments as it is |
| chunks.safetensors | \`input_ids\`, \`labels\`, \`position_ids\`, each [${count(data.chunks + 1)}, ${count(data.rowTokens)}] of int32, widened when read; \`order\`, the row at each place of the training |
${isLora ? '| adapter/ | the adapter before training: targets, rank, alpha, dropout, and the start that the workbook would use |\n' : ''}| train.py | the training |
| checks.py | what it refuses, because it would train another experiment without a word |
| requirements.in, requirements.txt | packages, and all that they need, pinned with hashes: \`uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes -o requirements.txt\` (uv 0.13.9) |
| launch/, ray_train.py | what starts train.py |
| settings.json | the workbook's own settings |

Labels are not shifted, Trainer's model does that. A label of -100 is not learnt. There is no attention mask: positions
that begin anew say where samples are apart. The last row has no label; it fills short updates, ${count(data.rowsWithoutLabels)} times in this training.

## What equals the workbook, and what does not

In float32 the losses are the workbook's to about 1e-5: the same rows in the same order, the mean over all response tokens of an
update, AdamW (${trainer.optim}) with weight decay on ${'`decay` of handoff.json'}, clipping, warm-up and cosine with a floor.
What differs, or is not known:

- Dropout in an adapter (here ${lora?.dropout ?? 0}) is drawn by torch: the masks are others, of the same kind.
- \`bf16\` (here ${trainer.bf16}) makes products in bfloat16; weights stay in float32. The workbook trains in float32.
- Tokens in train.jsonl count the rows that fill a short update.
- GPUs, NCCL, bf16 and several machines were not tried by the workbook's authors: it was tried on CPUs with gloo.
- Layers are computed twice to save memory (\`activation_checkpointing\`). Switched off, it is faster, and the numbers stay.
`;
}
