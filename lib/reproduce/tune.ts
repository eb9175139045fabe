import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { controlledPair, LEARNING_RATE_GRID } from '../config';
import { loadTokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { writeFileAtomic } from '../files';
import { openModelFolder } from '../model/folder';
import { tunedModel } from '../model/tuned';
import { train } from '../train/train';
import { json, prepareData } from './data-stage';
import { PRESETS } from './presets';
import { createProgress } from './progress';

/**
 * Chooses the miniature's learning rates: LoRA for the paper's eight epochs, LoRA and full for three (the controlled
 * pair), each at every rate of one grid, judged by the held-out loss on the development split after the last epoch. No
 * evaluation item is read by it.
 */
async function main(): Promise<void> {
  const root = resolve(__dirname, '..', '..');
  const folder = join(root, 'data', 'miniature');
  const preset = PRESETS.miniature;
  const base = await openModelFolder(join(folder, 'base'));
  const device = await openDevice('cpu');
  const work = await mkdtemp(join(tmpdir(), 'tune-'));
  const data = await prepareData(folder, preset, await loadTokenizer(base.folder), preset.full.maxSeqLen);
  const rows: { method: string; rate: number; epochs: number; heldOutLoss: number }[] = [];
  for (const rate of LEARNING_RATE_GRID) {
    const pair = controlledPair(preset.full, { lora: rate, full: rate });
    for (const config of [{ ...preset.lora, learningRate: rate }, pair.lora, pair.full]) {
      const { method, epochs } = config;
      const label = `${method} at ${rate} for ${epochs} epochs`;
      const progress = createProgress(label);
      const result = await train({
        model: tunedModel(base, method, method === 'lora' ? config.lora : undefined),
        config,
        device,
        chunks: data.chunks,
        heldOut: data.heldOut,
        separate: false,
        folder: join(work, label),
        identity: { config, model: 'bundled', chunks: data.packing.sha256 },
        checkpointEvery: Number.POSITIVE_INFINITY,
        onRecord: (record, plan) => progress.at(record.step, plan.totalSteps),
      });
      result.state.dispose();
      const last = result.records.findLast((r) => r.heldOutLoss !== undefined);
      rows.push({ method, rate, epochs, heldOutLoss: last!.heldOutLoss! });
      progress.say(`${label}: held-out loss ${last!.heldOutLoss!.toFixed(4)}`);
    }
  }
  await rm(work, { recursive: true });
  await writeFileAtomic(join(root, 'results', 'tune', 'learning-rates.json'), json(rows));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
