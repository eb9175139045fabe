import { type Answer, shareRight } from '../../compare/estimate';
import { GROUP_LABELS, METHOD_LABELS, TAUGHT_GROUPS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, factGroupOf, MODELS, runsOf } from '../../compare/runs';
import type { Row, Table } from '../table';

/** Accuracy by where a fact was to be learnt; null for data whose facts are not known. */
export function factGroups(record: RunRecord): Table | null {
  const { facts } = record;
  if (!facts) return null;
  const models = MODELS.map((method) => ({ method, answers: answersOf(record, runsOf(record, method)) })).filter(
    ({ answers }) => answers.length > 0,
  );
  const line = (label: string, meaning: string, groups: readonly string[], level?: Row['level']): Row[] => {
    const own = (answer: Answer) => groups.includes(factGroupOf(record, answer) ?? '');
    const asked = models[0]!.answers.filter(own);
    if (asked.length === 0) return [];
    const distinct = new Set(asked.map(({ cluster }) => cluster)).size;
    return [
      {
        level,
        cells: [
          label,
          meaning,
          distinct,
          asked.length,
          ...models.map(({ answers }) => shareRight(answers.filter(own))),
        ],
      },
    ];
  };
  const known = Object.keys(GROUP_LABELS);
  const others = [...new Set(Object.values(facts).map(({ group }) => group))]
    .filter((one) => !known.includes(one))
    .sort();
  return {
    key: 'fact-groups',
    title: 'Accuracy in % by where the fact could be learnt',
    columns: [
      { key: 'group', label: 'Facts' },
      { key: 'meaning', label: 'where they occur' },
      { key: 'facts', label: 'facts' },
      { key: 'n', label: 'items' },
      ...models.map(({ method }) => ({ key: method, label: METHOD_LABELS[method], digits: 1, estimate: true })),
    ],
    rows: [
      ...known.flatMap((group) => line(GROUP_LABELS[group]!.label, GROUP_LABELS[group]!.meaning, [group])),
      ...others.flatMap((group) => line(group, '', [group])),
      ...line('all fine-tuned facts', 'the two groups that the training rows teach', TAUGHT_GROUPS, 'whole'),
    ],
    notes: [
      'Intervals are clustered by fact: several items ask for one. * chance lies inside the interval. PubMedQA is left out: its ' +
        'answer stands in the abstract that is asked about.',
    ],
  };
}
