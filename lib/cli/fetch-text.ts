import type { Source } from '../data/sources/catalogue/entry';
import type { FetchPlan } from '../data/sources/fetch';
import type { FetchedSource } from '../data/sources/record';
import { TOTALS } from '../paper/table-a1';

/** What is said of sources, before they are fetched and after. */

/** A number as people read it. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** Bytes as people read them. */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** What the mixture lacks without a source. */
export function effect(source: Source): string {
  if (source.half === 'eval') return `; table A2’s ${count(source.samples)} items of ${source.title} cannot be scored`;
  const percent = ((100 * source.samples) / TOTALS.all.samples).toFixed(2);
  return (
    `; the mixture lacks ${source.title}, ${count(source.samples)} of ${count(TOTALS.all.samples)} samples (${percent} %), ` +
    'whose share goes to the other sources in proportion'
  );
}

/** Sizes and licences of a plan, line by line. */
export function fetchLines({ groups, bytes }: FetchPlan): string[] {
  const lines = groups.flatMap(({ sources, places }) =>
    sources.flatMap((source) => {
      const files = places.flatMap((place) => place.files);
      const known = files.reduce((sum, file) => sum + (file.size ?? 0), 0);
      const stated = [...new Set(places.flatMap(({ licence }) => licence ?? []))].join(', ');
      const licence = stated === '' ? source.licence : `${source.licence}; on the card: ${stated}`;
      const of = places.length === 0 ? 'cannot be had' : `${files.length} files, ${size(known)}`;
      return [
        `${source.name.padEnd(24)} ${of.padEnd(22)} licence: ${licence}`,
        ...source.unsure.map((one) => `${''.padEnd(24)} not looked at before: ${one}`),
      ];
    }),
  );
  return [...lines, '', `${size(bytes.missing)} to fetch, ${size(bytes.here)} in the cache`];
}

/** What became of a source. */
export function doneLine({ name, rows, samples, leftOut, skipped, lacking }: FetchedSource, isNew: boolean): string {
  const parts = [
    `${count(rows)} rows (paper: ${count(samples)})`,
    ...Object.entries(leftOut).map(([reason, n]) => `${count(n)} left out: ${reason}`),
    ...Object.entries(skipped).map(
      ([reason, { count: n, first }]) => `${count(n)} skipped: ${reason} (first: ${first})`,
    ),
    ...(lacking.length > 0 ? [`${lacking.length} optional files are not published`] : []),
    ...(isNew ? [] : ['as before']),
  ];
  return `${name}: ${parts.join('; ')}`;
}
