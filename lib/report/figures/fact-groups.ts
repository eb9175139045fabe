import { groupAccuracy } from '../../compare/fact-groups';
import { GROUP_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import type { Figure } from '../../draw/figure';
import { cellText } from '../table';
import { accuracyBars, GROUP_HEIGHT, levelLines, rowAxis } from './bars';
import { axis, frame, STYLE } from './style';

/** Accuracy by where a fact could be learnt, against chance; null for data whose facts are not known. */
export function factGroupsFigure(record: RunRecord): Figure | null {
  if (!record.facts) return null;
  const groups = Object.entries(GROUP_LABELS).flatMap(([group, { label }]) => {
    const own = groupAccuracy(record, [group]);
    return own ? [{ label, ...own }] : [];
  });
  if (groups.length === 0) return null;
  const methods = groups[0]!.models.map(({ method }) => method);
  const title = 'Accuracy by where the fact could be learnt';
  const layout = frame({
    title,
    subject: record.subject,
    note: 'Bars with 95% intervals, clustered by fact. In the control group nothing could be learnt: a bar beyond chance would be a leak.',
    plotHeight: groups.length * GROUP_HEIGHT + 10,
    legendRows: 1,
    left: 240,
  });
  return {
    key: 'fact-groups',
    title,
    data: [
      ...methods.map((method, i) =>
        accuracyBars(
          method,
          i,
          methods.length,
          groups.map(({ models }) => models[i]!.accuracy),
        ),
      ),
      levelLines(
        'chance',
        groups.map(({ chance }) => chance),
      ),
    ],
    layout: {
      ...layout,
      barmode: 'overlay',
      xaxis: { ...axis('accuracy (%)'), range: [0, 100], dtick: 10 },
      yaxis: rowAxis(
        groups.map(({ label, items }) => `${label} (n ${items})`),
        layout.margin.l,
        3,
      ),
    },
    description: groups
      .map(({ label, models }) => {
        const own = models.map(({ method, accuracy }) => `${STYLE[method].label} ${cellText(accuracy, { digits: 1 })}`);
        return `${label}: ${own.join(', ')}.`;
      })
      .join(' '),
  };
}
