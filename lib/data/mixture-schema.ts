import * as v from 'valibot';
import { count, fields, flag, list, number, text } from '../schema';

/** What a mixture's report must hold, in a run's record and in a mixed folder; `mixture-plan.ts` says what each field is. */

const percent = v.pipe(v.number('a percentage'), v.minValue(0, 'a percentage'), v.maxValue(100.000001, 'a percentage'));

export const MIXTURE = fields({
  total: count,
  rows: list(
    fields({
      subset: text,
      name: text,
      domain: v.nullable(v.picklist(['medical', 'general'], 'one of medical, general')),
      paperSamples: v.nullable(count),
      paperPercent: v.nullable(percent),
      targetPercent: percent,
      available: count,
      drawn: count,
      drawnPercent: percent,
      deviation: v.nullable(number),
      standInRows: count,
      standIn: flag,
      short: flag,
    }),
  ),
  missing: list(text),
  domains: v.nullable(
    v.record(text, fields({ drawn: count, drawnPercent: percent, paperPercent: percent }), 'an object'),
  ),
  totalWithoutShortfall: count,
});

const hexadecimal = v.pipe(text, v.regex(/^[\da-f]{64}$/, '64 hexadecimal digits'));
const counts = v.record(text, count, 'an object of counts');

/** `mixture.json` of a mixed folder. */
export const MIXED_FOLDER = fields({
  version: count,
  seed: count,
  report: v.pipe(
    fields({ ...MIXTURE.entries, shares: v.picklist(['paper', 'all', 'given'], 'one of paper, all, given') }),
    v.check(
      ({ total, rows }) => rows.reduce((sum, { drawn }) => sum + drawn, 0) === total,
      'a report whose "drawn" add up to "total"',
    ),
  ),
  deficits: list(fields({ subset: text, name: text, paperSamples: count, available: count, missing: count })),
  standIns: list(fields({ subset: text, note: text, rows: count })),
  blank: count,
  sources: list(
    fields({
      source: text,
      read: count,
      empty: count,
      duplicates: count,
      html: count,
      mojibake: count,
      written: count,
    }),
  ),
  contentMd5: v.pipe(text, v.regex(/^[\da-f]{32}$/, '32 hexadecimal digits')),
  rowsSha256: hexadecimal,
  files: list(fields({ path: text, rows: count, sha256: hexadecimal })),
  endMarkers: counts,
  skipped: counts,
  madeWith: fields({ duckdb: text }),
});
