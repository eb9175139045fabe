import { createHash } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { DeviceState } from '../engine/state';
import type { HostTensor, TensorSource, TensorSources } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { readTextIfThere, requireRegularFile } from '../json-file';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '../model/safetensors';
import { checkFields, count, fields, parseFields, shown, text } from '../schema';

const VERSION = 2;
const NAME = 'checkpoint.json';
const STATE_FILE = /^state-\d+\.safetensors$/;

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
  /** Of the state and of all above: a state that belongs to another position, or was changed, is noticed. */
  readonly sha256: string;
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
  const digest = createDigest();
  await writeSafetensors(join(folder, stateFile), state.specs, async (name) => {
    const tensor = await state.read(name);
    digest.add(name, tensor);
    return tensor;
  });
  const position: Omit<Position, 'sha256'> = {
    version: VERSION,
    identity: hashOf(identity),
    step,
    epoch: Math.floor(step / stepsPerEpoch),
    stepInEpoch: step % stepsPerEpoch,
    stateFile,
  };
  const note: Position = { ...position, sha256: digest.of(position) };
  await writeFileAtomic(join(folder, NAME), `${JSON.stringify(note, null, 2)}\n`);
  for (const file of await readdir(folder)) {
    const stale = /^state-\d+\.safetensors(\.\d+\.tmp)?$/.test(file) && file !== stateFile;
    if (stale) await unlink(join(folder, file));
  }
}

/**
 * The last checkpoint of this very run, or undefined when there is none.
 *
 * @throws when the folder holds a checkpoint of a run with other settings, data or base model, or one that is not as it
 *   was written
 */
export async function loadCheckpoint(
  folder: string,
  identity: RunIdentity,
): Promise<{ readonly step: number; readonly state: TensorSources } | undefined> {
  const file = join(folder, NAME);
  const text = await readTextIfThere(file, 'train');
  if (text === undefined) return undefined;
  const { sha256, ...position } = parsePosition(text, file, folder);
  if (position.identity !== hashOf(identity)) {
    throw new Error(
      `train: ${folder} holds a checkpoint of a run with other settings, data or base model (${NAME}); choose another --out or delete it`,
    );
  }
  const stateFile = join(folder, position.stateFile);
  if (!(await requireRegularFile(stateFile, 'train'))) {
    throw new Error(`train: ${stateFile}, which ${file} names, is gone; delete the folder ${folder} to train anew`);
  }
  const { tensors } = await readSafetensorsHeader(stateFile);
  const digest = createDigest();
  const state: Record<string, TensorSource> = {};
  for (const [name, stored] of Object.entries(tensors)) {
    const tensor = await readTensor(stored);
    digest.add(name, tensor);
    state[name] = { shape: tensor.shape, dtype: tensor.dtype, read: () => readTensor(stored) };
  }
  if (digest.of(position) !== sha256) {
    throw new Error(
      `train: ${file} and ${position.stateFile} are not as they were written; delete the folder ${folder} to train anew`,
    );
  }
  return { step: position.step, state };
}

const POSITION = fields({
  version: count,
  identity: text,
  step: count,
  epoch: count,
  stepInEpoch: count,
  stateFile: v.pipe(text, v.regex(STATE_FILE, 'the name of a file "state-UPDATES.safetensors"')),
  sha256: text,
});

function parsePosition(text: string, file: string, folder: string): Position {
  const remedy = `delete the folder ${folder} to train anew`;
  const json = parseFields(v.unknown(), text, `train: ${file}`, remedy);
  const { version } = (json ?? {}) as { readonly version?: unknown };
  if (version !== VERSION) {
    throw new Error(`train: ${file} is of version ${shown(version)}, this library writes ${VERSION}; ${remedy}`);
  }
  return checkFields(POSITION, json, `train: ${file}`, remedy);
}

/** A hash of tensors, in whatever order they come, and of what is said of them. */
function createDigest() {
  const parts: string[] = [];
  return {
    add: (name: string, { dtype, shape, data }: HostTensor): void => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      parts.push(`${JSON.stringify([name, dtype, shape])} ${createHash('sha256').update(bytes).digest('hex')}`);
    },
    of: (position: Omit<Position, 'sha256'>): string => hashOf([position, [...parts].sort()]),
  };
}
