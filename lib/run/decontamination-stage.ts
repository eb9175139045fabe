import { join } from 'node:path';
import { type Comparison, type DecontaminationInput, decontaminate } from '../decontaminate/decontaminate';
import { type Encoder, openEncoder } from '../decontaminate/encoder';
import type { Decontamination } from '../decontaminate/record';
import { readDecontamination, writeDecontamination } from '../decontaminate/result-file';
import type { Device } from '../engine/device';
import { hashOf } from '../hash';
import { type FactGroup, isTuned } from '../miniature/miniature';
import type { World } from './data-stage';
import type { RunInputs } from './inputs';
import { lockFolder } from './lock';
import type { OpenProgress } from './progress';

export interface DecontaminationStage {
  readonly inputs: RunInputs;
  /** Opened; the first is the one that scores are cleaned by. */
  readonly encoders: readonly Encoder[];
  readonly device: Device;
  /** Where vectors are kept. */
  readonly cache: string;
  readonly out: string;
  readonly say: (line: string) => void;
  readonly progress: OpenProgress;
}

/** Opens the folders given; a wrong one is refused before anything is trained. */
export async function openEncoders(folders: readonly string[], device: Device): Promise<Encoder[]> {
  const encoders: Encoder[] = [];
  for (const folder of folders) encoders.push(await openEncoder(folder, device));
  return encoders;
}

/**
 * Looks for evaluation items near any training row at hand, by each encoder and by TF-IDF; writes decontamination.json,
 * or reads what an earlier start of this run found.
 *
 * Differs: rows at hand that the mixture did not draw are compared too, as the paper's counts are of its whole sets.
 */
export async function decontaminationStage(stage: DecontaminationStage): Promise<readonly Decontamination[]> {
  const { inputs, encoders, device, cache, out, say, progress } = stage;
  const { evaluation, training } = inputs.data.dataset;
  const comparisons: Comparison[] = [
    ...encoders.map((encoder): Comparison => {
      const { name, sha256 } = encoder.description;
      return { kind: 'embedding', encoder, device, cache: join(cache, `${name}-${sha256.slice(0, 12)}`) };
    }),
    { kind: 'tf-idf' },
  ];
  const identity = decontaminationIdentity([...evaluation.files, ...training.files], encoders);
  const known = await readDecontamination(out).catch(() => undefined);
  if (known?.identity === identity) {
    say('decontamination  was done; its pairs are used');
    return known.methods;
  }
  const detectors: Decontamination[] = [];
  for (const comparison of comparisons) {
    const lock = comparison.kind === 'embedding' ? await lockFolder(comparison.cache!) : undefined;
    const name = comparison.kind === 'tf-idf' ? 'TF-IDF' : comparison.encoder.description.name;
    const line = progress(`decontamination  ${name}`);
    try {
      detectors.push(
        await decontaminate({
          items: evaluation.items,
          rows: inputs.data.readRows,
          comparison,
          ...truthOf(inputs.data.world),
          at: (what, done, total) => line.at(done, total, what),
        }),
      );
    } finally {
      lock?.release();
    }
  }
  await writeDecontamination(out, { identity, methods: detectors });
  return detectors;
}

/**
 * Says what was compared: equal files searched with equal encoders have one identity.
 *
 * @param settings of a search that is not the run's own
 */
export const decontaminationIdentity = (
  files: readonly { readonly sha256: string }[],
  encoders: readonly Encoder[],
  settings?: object,
): string =>
  hashOf({
    files: files.map(({ sha256 }) => sha256),
    encoders: encoders.map(({ description }) => description.sha256),
    ...(settings && { settings }),
  });

/** What a generated world knows of its contamination: pairs made on purpose, and items whose fact the rows teach anyway. */
export function truthOf(world: World | null): Pick<DecontaminationInput, 'planted' | 'taught'> {
  if (!world) return {};
  const taught = Object.entries(world.facts).filter(([, { group }]) => isTuned(group as FactGroup));
  return { planted: world.planted, taught: new Set(taught.map(([id]) => id)) };
}
