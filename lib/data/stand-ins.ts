import type { SubsetKey } from '../paper/table-a1';
import { KNOWN_SOURCES, mapSource } from './sources/names';

/** Rows of a mixture that stand in for a subset's own: to be named in every result made from them. */
export interface StandIn {
  readonly subset: SubsetKey;
  readonly note: string;
  readonly rows: number;
}

/** @param rows of a mixture, by `source`; sources that table A1 does not have stand in for nothing */
export function standInsOf(rows: ReadonlyMap<string, number>): StandIn[] {
  const known = new Set(KNOWN_SOURCES);
  return [...rows].flatMap(([source, count]) => {
    if (!known.has(source)) return [];
    const { subset, standIn, note } = mapSource(source);
    return standIn ? [{ subset, note, rows: count }] : [];
  });
}
