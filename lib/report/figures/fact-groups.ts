import { mean } from 'simple-statistics';
import { shareRight } from '../../compare/estimate';
import { GROUP_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, factGroupOf, MODELS, runsOf } from '../../compare/runs';
import type { Figure } from '../../draw/figure';
import { plotlyText } from '../../escape';
import { cellText } from '../table';
import { accuracyBars, GROUP_HEIGHT, levelLines, rowAxis } from './bars';
import { axis, frame, STYLE } from './style';

/** Accuracy by where a fact could be learnt, against chance; null for data whose facts are not known. */
export function factGroupsFigure(record: RunRecord): Figure | null {
  if (!record.facts) return null;
  const models = MODELS.map((method) => ({ method, answers: answersOf(record, runsOf(record, method)) })).filter(
    ({ answers }) => answers.length > 0,
  );
  const groups = Object.entries(GROUP_LABELS).flatMap(([group, { label }]) => {
    const own = models.map(({ answers }) => answers.filter((one) => factGroupOf(record, one) === group));
    const asked = own[0]!;
    if (asked.length === 0) return [];
    const chance = 100 * mean(asked.map((answer) => answer.chance));
    return [{ label, n: asked.length, chance, accuracies: own.map((answers) => shareRight(answers)!) }];
  });
  if (groups.length === 0) return null;
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
      ...models.map(({ method }, i) =>
        accuracyBars(
          method,
          i,
          models.length,
          groups.map(({ accuracies }) => accuracies[i]!),
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
      yaxis: rowAxis(groups.map(({ label, n }) => plotlyText(`${label} (n ${n})`))),
    },
    description: groups
      .map(({ label, accuracies }) => {
        const own = models.map(({ method }, i) => `${STYLE[method].label} ${cellText(accuracies[i]!, { digits: 1 })}`);
        return `${label}: ${own.join(', ')}.`;
      })
      .join(' '),
  };
}
