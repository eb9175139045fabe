import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const IN_CACHE = /models--[^/\\]*--([^/\\]+)[/\\]snapshots[/\\][^/\\]+$/;
/** Names of folders of rows that say nothing of the rows. */
const SAYS_NOTHING = ['data', 'dataset', 'datasets'];

/**
 * How results call a model or adapter. In the Hub's cache a folder is called by its commit: the model's name stands above it.
 * A run's models are all called 'lora' or 'full', in RUN/models: the run's name tells them apart.
 */
export function nameOfModel(folder: string): string {
  const ofHub = IN_CACHE.exec(folder)?.[1];
  if (ofHub !== undefined) return ofHub;
  const [parent, run] = [dirname(folder), dirname(dirname(folder))];
  const isOfRun = basename(parent) === 'models' && existsSync(join(run, 'settings.json'));
  return isOfRun ? `${basename(run)}-${basename(folder)}` : basename(folder);
}

/** How results call rows: 'bakery' of bakery/, 'bakery/data' of bakery/data/. */
export function nameOfData(folder: string): string {
  const [name, parent] = [basename(folder), basename(dirname(folder))];
  return SAYS_NOTHING.includes(name.toLowerCase()) && parent !== '' ? `${parent}/${name}` : name;
}
