import { effectsOf } from '../../compare/contamination';
import { inPoints } from '../../compare/estimate';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { ComparedRun } from '../../compare/models';
import type { Decontamination } from '../../decontaminate/record';
import type { Table } from '../table';
import { detectorName } from './table-a2';

/** Did contamination help? Null where too little is flagged to say. */
export function contaminationEffect(record: ComparedRun, detector: Decontamination): Table | null {
  const effects = effectsOf(record, detector);
  const [first] = effects;
  if (!first) return null;
  return {
    key: 'contamination-effect',
    title: 'Did contamination help? What tuning changed on flagged and on clean items, in points',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'setting', label: 'setting' },
      { key: 'seeds', label: 'seeds' },
      { key: 'flagged', label: 'flagged items' },
      { key: 'on_flagged', label: 'change on flagged', digits: 1, signed: true },
      { key: 'on_clean', label: 'change on clean', digits: 1, signed: true },
      { key: 'effect', label: 'flagged minus clean, within tasks', digits: 1, signed: true, estimate: true },
      { key: 'p', label: 'p', isP: true },
      { key: 'p_holm', label: 'p, Holm', isP: true },
      { key: 'detectable', label: 'detectable', digits: 1 },
    ],
    rows: effects.map((one) => ({
      cells: [
        METHOD_LABELS[one.method],
        SETTING_LABELS[one.setting],
        one.seeds,
        one.flagged,
        100 * one.changeOnFlagged,
        100 * one.changeOnClean,
        inPoints(one),
        one.p,
        one.pHolm,
        one.detectable === null ? null : 100 * one.detectable,
      ],
    })),
    notes: [
      `Difference in differences against the base on the same items, flagged by ${detectorName(detector)}. Above 0, tuning helped ` +
        'more where an item has a near copy among the training rows; the base takes off that flagged items may be easier. ' +
        'Items are compared within their task, clustered where they ask for one fact; the interval counts items' +
        `${first.counts === 'items and seeds' ? ' and training seeds' : ', not training seeds'}.`,
      'Detectable: the true difference that would be found four times out of five. An interval that holds 0 does not show that there is none.',
    ],
  };
}
