import type { Decontamination } from '../../decontaminate/record';
import { differenceInDifferences } from '../../statistics/difference-in-differences';
import { answersOf, mainSetting, runsOf } from '../compared';
import { METHOD_LABELS } from '../labels';
import type { RunRecord } from '../run-record';
import type { Estimate, Table } from '../table';
import { methodName } from './table-a2';

/** What tuning changed on flagged items against what it changed on clean ones; in points. */
export interface ContaminationEffect {
  readonly method: 'lora' | 'full';
  readonly flagged: number;
  readonly onFlagged: number;
  readonly onClean: number;
  /** onFlagged - onClean; a bare number where nothing varies. */
  readonly effect: Estimate | number;
  readonly p: number | null;
}

/** Empty where fewer than two facts or items are on either side: nothing can be said then. */
export function contaminationEffects(record: RunRecord, { flagged }: Decontamination): ContaminationEffect[] {
  const out = new Set(flagged);
  const base = answersOf(record, runsOf(record, 'base'));
  const clusters = (isFlagged: boolean) =>
    new Set(base.filter(({ id }) => out.has(id) === isFlagged).map(({ cluster }) => cluster)).size;
  if (clusters(true) < 2 || clusters(false) < 2) return [];
  return (['lora', 'full'] as const).flatMap((method) => {
    const tuned = answersOf(record, runsOf(record, method, mainSetting(record)));
    if (tuned.length === 0) return [];
    const own = new Map(tuned.map((one) => [`${one.task}\n${one.id}`, one.right]));
    const pairs = base.map(({ id, task, right, cluster }) => {
      return { a: right, b: own.get(`${task}\n${id}`)!, cluster, flagged: out.has(id) };
    });
    const { value, interval, p, onFlagged, onClean, flagged: n } = differenceInDifferences(pairs);
    const effect = interval ? { value: 100 * value, low: 100 * interval[0], high: 100 * interval[1] } : 100 * value;
    return [{ method, flagged: n, onFlagged: 100 * onFlagged, onClean: 100 * onClean, effect, p }];
  });
}

/** Did contamination help? Null where too little is flagged to say. */
export function contaminationEffect(record: RunRecord, method: Decontamination): Table | null {
  const effects = contaminationEffects(record, method);
  if (effects.length === 0) return null;
  return {
    key: 'contamination-effect',
    title: 'Did contamination help? What tuning changed on flagged and on clean items, in points',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'flagged', label: 'flagged items' },
      { key: 'on_flagged', label: 'change on flagged', digits: 1, signed: true },
      { key: 'on_clean', label: 'change on clean', digits: 1, signed: true },
      { key: 'effect', label: 'flagged minus clean', digits: 1, signed: true, estimate: true },
      { key: 'p', label: 'p', isP: true },
    ],
    rows: effects.map(({ method: name, flagged, onFlagged, onClean, effect, p }) => ({
      cells: [METHOD_LABELS[name], flagged, onFlagged, onClean, effect, p],
    })),
    notes: [
      `Difference in differences against the base on the same items, flagged by ${methodName(method)}. Above 0, tuning helped ` +
        'more where an item has a near copy among the training rows; the base takes off that flagged items may be easier. ' +
        'Tasks are mixed, and differ in how much tuning helps. The interval counts items, not training seeds.',
    ],
  };
}
