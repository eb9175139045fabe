import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceState } from '../engine/state';
import type { HostTensors } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { readSafetensorsHeader, readTensors, writeSafetensors } from '../model/safetensors';

const VERSION = 1;
const NAME = 'checkpoint.json';

/** What a run is: a checkpoint of another one must not be continued by mistake. */
export interface RunIdentity {
  readonly config: unknown;
  readonly model: string;
  readonly chunks: string;
}

interface Position {
  readonly version: number;
  readonly identity: string;
  /** Updates done. */
  readonly step: number;
  /** Where those stand in the data: follows from `step`, written for the reader. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly stateFile: string;
}

/**
 * Writes all state (trained tensors, moments, sums) and then, in one rename, the note that names it: a kill at any
 * moment leaves the previous checkpoint or this one, whole.
 */
export async function saveCheckpoint(
  folder: string,
  identity: RunIdentity,
  state: DeviceState,
  step: number,
  stepsPerEpoch: number,
): Promise<void> {
  const stateFile = `state-${step}.safetensors`;
  await writeSafetensors(join(folder, stateFile), state.specs, (name) => state.read(name));
  const position: Position = {
    version: VERSION,
    identity: hashOf(identity),
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    stepInEpoch: step % stepsPerEpoch,
    stateFile,
  };
  await writeFileAtomic(join(folder, NAME), `${JSON.stringify(position, null, 2)}\n`);
  for (const file of await readdir(folder)) {
    const stale = /^state-\d+\.safetensors(\.\d+\.tmp)?$/.test(file) && file !== stateFile;
    if (stale) await unlink(join(folder, file));
  }
}

/**
 * The last checkpoint of this very run, or undefined when there is none.
 *
 * @throws when the folder holds a checkpoint of a run with other settings, data or base model
 */
export async function loadCheckpoint(
  folder: string,
  identity: RunIdentity,
): Promise<{ readonly step: number; readonly state: HostTensors } | undefined> {
  const file = join(folder, NAME);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const position = parsePosition(text, file);
  if (position.version !== VERSION) {
    throw new Error(
      `train: ${file} is of version ${position.version}, this library writes ${VERSION}; delete the folder`,
    );
  }
  if (position.identity !== hashOf(identity)) {
    throw new Error(
      `train: ${folder} holds a checkpoint of a run with other settings, data or base model; choose another --out or delete it`,
    );
  }
  const { tensors } = await readSafetensorsHeader(join(folder, position.stateFile));
  return { step: position.step, state: await readTensors(tensors) };
}

function parsePosition(text: string, file: string): Position {
  try {
    return JSON.parse(text) as Position;
  } catch (error) {
    throw new Error(`train: ${file} is damaged (${(error as Error).message}); delete its folder to train anew`);
  }
}
