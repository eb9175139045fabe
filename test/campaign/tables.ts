import type { RunRecord } from '../../lib/compare/run-record';
import { reportParts } from '../../lib/report/parts';
import { tableToText } from '../../lib/report/table-formats';

/** Every table that a run record gives, as text. */
export const reportTables = (record: RunRecord): string =>
  reportParts(record, { decontamination: [] })
    .tables.map((table) => tableToText(table))
    .join('\n');
