import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { DEFAULT_SYSTEM_PROMPT, renderPrompt } from '../data/template';
import type { Tokenizer } from '../data/tokenizer';
import type { Device } from '../engine/device';
import type { ScoreResult } from '../eval/score';
import { writeFileAtomic } from '../files';
import type { ModelFolder } from '../model/folder';
import type { ModelName, Subject } from '../report/compared';
import { drawSvg } from '../report/draw';
import { accuracyFigure, lossFigure } from '../report/figures';
import { manifest, manifestToJson, type Timings } from '../report/manifest';
import { resultsTable } from '../report/results-table';
import { tableToCsv, tableToMarkdown, tableToText } from '../report/table-formats';
import type { PreparedData } from './data-stage';
import type { RunConfig } from './presets';
import { reportMarkdown } from './report-text';
import type { TrainedModel } from './training-stage';

export interface ReportStage {
  readonly config: RunConfig;
  readonly base: ModelFolder;
  readonly modelHash: string;
  readonly tokenizer: Tokenizer;
  readonly data: PreparedData;
  readonly dataFolder: string;
  readonly device: Device;
  readonly trained: readonly TrainedModel[];
  readonly scores: Readonly<Record<ModelName, ScoreResult>>;
  readonly overlong: readonly string[];
  readonly timings: Timings;
  readonly out: string;
}

/** Writes table, figures, manifest and report.md from what the stages before left; returns the table for the terminal. */
export async function writeReport(stage: ReportStage): Promise<string> {
  const { out, data, scores, device } = stage;
  const subject: Subject = {
    model: basename(stage.base.folder),
    data: basename(stage.dataFolder),
    device: `${device.name}, ${device.threads} threads`,
  };
  const rows = resultsTable(scores);
  const runs = stage.trained.map(({ method, records }) => ({ method, records }));
  const loss = await drawSvg(lossFigure(runs, subject));
  const accuracy = await drawSvg(accuracyFigure(scores, subject));
  const text = reportMarkdown(stage, tableToMarkdown(rows, subject));
  await writeFileAtomic(join(out, 'table.csv'), tableToCsv(rows, subject));
  await writeFileAtomic(join(out, 'loss.svg'), loss);
  await writeFileAtomic(join(out, 'accuracy.svg'), accuracy);
  await writeFileAtomic(join(out, 'manifest.json'), manifestToJson(await runManifest(stage)));
  // Last: report.md stands for a run that is whole.
  await writeFileAtomic(join(out, 'report.md'), text);
  const { evaluation, training } = data.dataset;
  return `${tableToText(rows, subject)}\n${evaluation.items.length} items and ${training.examples.length} training rows were read.`;
}

function runManifest(stage: ReportStage) {
  const { base, data, tokenizer, device, config, scores } = stage;
  const { evaluation, training } = data.dataset;
  const files = [...evaluation.files, ...training.files];
  return manifest({
    device: device.name,
    dtype: 'float32',
    threads: device.threads,
    seeds: {
      mixture: config.seed,
      development: config.seed,
      adapter: config.lora.seed,
      shuffle: config.full.seed,
      items: config.seed,
    },
    dataFiles: files.map(({ path, sha256, rows }) => ({ name: path, sha256, rows })),
    model: { name: basename(base.folder), sha256: stage.modelHash, config: base.rawConfig },
    tokenizer: { name: 'tokenizer.json', sha256: tokenizer.sha256 },
    template: {
      name: 'Med42',
      sha256: createHash('sha256')
        .update(renderPrompt({ system: DEFAULT_SYSTEM_PROMPT, prompt: '{prompt}' }))
        .digest('hex'),
    },
    packing: data.packing,
    tasks: scores.base.tasks,
    training: [config.lora, config.full],
    timings: stage.timings,
  });
}

/** sha256 over the bytes of a model's weight files, in name order. */
export async function hashWeights(base: ModelFolder): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [...new Set(Object.values(base.weights).map((w) => w.file))].sort()) {
    for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) hash.update(bytes);
  }
  return hash.digest('hex');
}
