import type { Decontamination, SecondOpinion, TruthScore } from '../../decontaminate/record';
import type { Cell, Row, Table } from '../table';

const KINDS = ['exact', 'reworded', 'same-topic'] as const;

/** What each detector flags; on the miniature, how that meets the planted truth, by kind. */
export function decontamination(detectors: readonly Decontamination[]): Table {
  const hasTruth = detectors.some(({ truth }) => truth !== null);
  return {
    key: 'decontamination',
    title: hasTruth ? 'Decontamination against the planted truth' : 'Decontamination by several detectors',
    columns: [
      { key: 'detector', label: 'Detector' },
      { key: 'papers', label: 'the paper’s?' },
      { key: 'threshold', label: 'flags above', align: 'right' },
      { key: 'flagged', label: 'flagged' },
      { key: 'flagged_percent', label: '% of items', digits: 1 },
      ...(hasTruth
        ? [
            { key: 'precision', label: 'precision (%)', digits: 1 },
            { key: 'precision_untaught', label: 'precision, taught facts left out (%)', digits: 1 },
            { key: 'recall', label: 'recall (%)', digits: 1 },
            { key: 'exact', label: 'exact', group: 'Flagged of the planted', align: 'right' as const },
            { key: 'reworded', label: 'reworded', group: 'Flagged of the planted', align: 'right' as const },
            {
              key: 'same_topic',
              label: 'same topic only (wrong)',
              group: 'Flagged of the planted',
              align: 'right' as const,
            },
          ]
        : []),
    ],
    rows: detectors.flatMap((one): Row[] => {
      const truth = one.truth?.find(({ threshold }) => threshold === one.threshold) ?? null;
      return [
        {
          cells: [
            one.method,
            one.isPapersMethod ? 'yes' : 'no',
            String(one.threshold),
            one.total.flagged,
            one.total.percent,
            ...(hasTruth ? truthCells(truth) : []),
          ],
        },
        ...one.secondOpinions.map((second) => opinion(second, hasTruth)),
      ];
    }),
    notes: [
      ...(hasTruth
        ? [
            'Planted pairs: exact copies and rewordings of items among the training rows are contamination; pairs of the ' +
              'same topic only are not, and flagging them is an error. Taught facts: items whose fact a training row teaches in ' +
              'other words, near to it by right though nothing was planted.',
          ]
        : []),
      ...detectors.flatMap(({ notice, method }) => (notice ? [`${method}: ${notice}`] : [])),
    ],
  };
}

function opinion({ method, total, truth }: SecondOpinion, hasTruth: boolean): Row {
  return {
    level: 'part',
    cells: [method, 'no', null, total.flagged, total.percent, ...(hasTruth ? truthCells(truth) : [])],
  };
}

function truthCells(truth: TruthScore | null): Cell[] {
  if (!truth) return [null, null, null, null, null, null];
  const share = (value: number | null) => (value === null ? null : 100 * value);
  const kinds = KINDS.map((kind) => truth.kinds.find((one) => one.kind === kind));
  return [
    share(truth.precision),
    share(truth.precisionUntaught),
    share(truth.recall),
    ...kinds.map((kind) => (kind ? `${kind.flagged} of ${kind.items}` : null)),
  ];
}
