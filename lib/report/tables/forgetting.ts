import { forgettingOf } from '../../compare/forgetting';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import type { Table } from '../table';

/** What tuning does to the general quiz; null for data without one. */
export function forgetting(record: RunRecord): Table | null {
  const rows = forgettingOf(record);
  if (rows.length === 0) return null;
  return {
    key: 'forgetting',
    title: 'Forgetting: the non-medical quiz that the base learnt',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'seeds', label: 'seeds' },
      { key: 'n', label: 'questions' },
      { key: 'accuracy', label: 'accuracy (%)', digits: 1, estimate: true },
      { key: 'change', label: 'change against base, points', digits: 1, signed: true, estimate: true },
      { key: 'p', label: 'p', isP: true },
    ],
    rows: rows.map(({ method, setting, seeds, n, accuracy, change, p }) => ({
      cells: [
        method === 'base' ? METHOD_LABELS.base : `${METHOD_LABELS[method]}, ${SETTING_LABELS[setting]}`,
        seeds,
        n,
        accuracy,
        change,
        p,
      ],
    })),
    notes: [
      'Questions that were not in the base’s text, of the kind it learnt to answer by letter. Paired; over items and, with several, seeds.',
    ],
  };
}
