import type { Difference, ValueWithInterval } from '../../compare/estimate';
import { forgettingOf } from '../../compare/forgetting';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import { differenceOf, mainSlice } from '../../compare/models';
import type { Figure } from '../../draw/figure';
import type { ReportInputs } from '../inputs';
import { isEstimate } from '../table';
import { type DotSeries, dotsFigure } from './dots';

/**
 * What each way of tuning gained on the questions it was tuned for (facts that the training rows teach, where these are
 * known) and lost on the general quiz, both against the untouched base. Null where nothing was tuned or there is no quiz.
 */
export function gainAndLossFigure({ record, comparison }: ReportInputs): Figure | null {
  const forgotten = forgettingOf(record);
  const arms = (comparison?.contrasts ?? []).flatMap((contrast) => {
    const { setting, from, to } = contrast;
    const quiz = forgotten.find((one) => one.method === to && one.setting === setting)?.change;
    if (from !== 'base' || quiz === null || quiz === undefined) return [];
    const slice = mainSlice(contrast);
    return [{ label: `${METHOD_LABELS[to]}, ${SETTING_LABELS[setting]}`, slice, gain: differenceOf(slice), quiz }];
  });
  const [first] = arms;
  if (!first) return null;
  const asked = first.slice.kind === 'tuned-groups' ? 'fine-tuned facts' : 'all items';
  return dotsFigure(
    arms.map(({ label }) => label),
    [
      { name: 'the untouched base', values: arms.map(() => 0) },
      series(
        asked,
        arms.map(({ gain }) => gain),
      ),
      series(
        'general quiz',
        arms.map(({ quiz }) => quiz),
      ),
    ],
    {
      key: 'gain-and-loss',
      title: 'What tuning gained, and what it lost',
      subject: record.subject,
      note: 'Change in accuracy against the base on the same questions, 95% intervals. The general quiz is outside medicine: what falls there was forgotten.',
      x: { title: 'change in accuracy (points)' },
    },
  );
}

function series(name: string, changes: readonly Difference[]): DotSeries {
  const of = (key: keyof Pick<ValueWithInterval, 'value' | 'low' | 'high'>) =>
    changes.map((change) => (isEstimate(change) ? change[key] : change));
  return { name, values: of('value'), low: of('low'), high: of('high') };
}
