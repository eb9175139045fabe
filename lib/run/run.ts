import { join } from 'node:path';
import { METHOD_LABELS } from '../compare/labels';
import { type ModelRecord, RUN_RECORD_VERSION, type RunRecord } from '../compare/run-record';
import type { Subject } from '../compare/runs';
import { readMixed } from '../data/mixing/mixed-folder';
import { readingLines } from '../data/reading/notes';
import { openDevice } from '../engine/device';
import { pluginOf } from '../engine/xla/options';
import { WORKBOOK_ROOT } from '../files';
import { hashWeights } from '../model/hash-weights';
import { packingNotes, writeDataReports } from './data-stage';
import { decontaminationStage, openEncoders } from './decontamination-stage';
import { mixFetched } from './fetched-data';
import { nameOfData, nameOfModel } from './folder-name';
import { openInputs, openMixedRunInputs, type RunInputs } from './inputs';
import { lockFolder } from './lock';
import { makeModels, sideBySide } from './make-models';
import { peakMemoryBytes } from './memory';
import type { RunOptions } from './options';
import { planModels } from './plan';
import { highestPeak, previewRows, previewTraining } from './preview';
import { createProgress, type OpenProgress } from './progress';
import { writeResults } from './report-stage';
import { checkFolder, claimFolder, type RunContent } from './results-folder';

/** What a run shows while it goes on. */
export interface RunWatcher {
  /** Prints a line. */
  readonly say: (line: string) => void;
  /** Shows a stage of known length. */
  readonly progress?: OpenProgress;
}

/**
 * The paper's comparison, stage after stage, into `options.out`: each model is trained and scored in a process of its
 * own. Interrupted or killed, the same options carry it on.
 *
 * @param signal stops after the current update, with a checkpoint
 * @returns the results table as text, and the most memory a process of the run had resident
 * @throws when another run works in `options.out`, or the folder holds results of another kind
 */
export async function reproduce(
  options: RunOptions,
  signal: AbortSignal,
  { say, progress = createProgress }: RunWatcher,
): Promise<{ readonly table: string; readonly peakMemoryBytes: number }> {
  const { out } = options;
  const began = performance.now();
  const device = await openDevice(options.device, undefined, pluginOf(options.xla));
  if (device.note) say(device.note);
  // Before the lock: a folder that is refused is not touched.
  await checkFolder(options);
  const encoders = await openEncoders(options.encoders, device);
  const sources = await mixFetched(options, options.config, say);
  const mixed = await readMixed(sources.data);
  const inputs = mixed
    ? await openMixedRunInputs(sources, mixed, options.config, progress)
    : await openInputs(sources, options.config);
  const { dataset } = inputs.data;
  for (const line of [...readingLines(dataset), ...packingNotes(inputs.data), ...previewRows(inputs.data)]) say(line);
  for (const method of inputs.config.methods) {
    for (const line of previewTraining(inputs, inputs.config[method], device)) say(`${METHOD_LABELS[method]}  ${line}`);
  }
  const modelHash = await hashWeights(inputs.base);
  const lock = await lockFolder(out);
  try {
    for (const note of await claimFolder(options, contentOf(inputs, modelHash), 'reproduce')) say(note);
    await writeDataReports(inputs.data, out);
    const plans = planModels(inputs.config);
    say(describeInputs(inputs, plans.length));
    const decontamination = await decontaminationStage({
      inputs,
      encoders,
      device,
      cache: join(WORKBOOK_ROOT, '.cache', 'embeddings'),
      out,
      say,
      progress,
    });
    const peak = () => highestPeak(inputs, device);
    const { threads, atOnce } = sideBySide(device, options.config.threads, plans.length, peak);
    const made = await makeModels({ plans, inputs, modelHash, options, threads, atOnce }, signal, { say, progress });
    const subject: Subject = {
      model: nameOfModel(inputs.base.folder),
      data: nameOfData(options.data),
      device: `${device.name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    };
    const record = runRecord(
      options.preset,
      subject,
      inputs,
      made.models.map((one) => one.record),
    );
    const peakSeen = Math.max(peakMemoryBytes(), ...made.models.map(({ took }) => took.peakMemoryBytes));
    // A run that was carried on counts the time of all its starts.
    const all = (performance.now() - began) / 1000 + made.earlierSeconds / atOnce;
    const each = Object.fromEntries(made.models.map((one) => [one.record.name, one.took.seconds]));
    const table = await writeResults({
      record,
      decontamination,
      inputs,
      modelHash,
      device: device.name,
      threads,
      out,
      timings: { seconds: { all, ...each }, atOnce, peakMemoryBytes: peakSeen },
    });
    return { table, peakMemoryBytes: peakSeen };
  } finally {
    for (const encoder of encoders) await encoder.dispose();
    lock.release();
  }
}

/** The rows and what is known of them, wherever they lie: a copied folder, or a link to it, carries a finished run on. */
function contentOf({ base, tokenizer, data }: RunInputs, modelHash: string): RunContent {
  const { evaluation, training } = data.dataset;
  const files = [...evaluation.files, ...training.files].map(({ path, sha256 }) => ({ path, sha256 }));
  return { base, tokenizer, modelHash, files, data: { files, world: data.world } };
}

function describeInputs({ data, chunks, items }: RunInputs, models: number): string {
  return (
    `${data.mixture.total} rows of ${data.mixture.rows.length} sources (${data.standIns.length} of them stand-ins) in ` +
    `${chunks.length} chunks of ${data.packing.maxSeqLen} tokens; ${items.length} items; ${models} models`
  );
}

function runRecord(preset: string, subject: Subject, inputs: RunInputs, models: readonly ModelRecord[]): RunRecord {
  const { mixture, standIns, packing, samples, notes, world } = inputs.data;
  return {
    version: RUN_RECORD_VERSION,
    preset,
    subject,
    models,
    mixture,
    notes,
    standIns,
    packing,
    samples,
    facts: world?.facts ?? null,
    overlong: inputs.overlong,
  };
}
