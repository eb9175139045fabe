import { factGroupsOf, groupAccuracy } from '../../compare/fact-groups';
import { GROUP_LABELS, METHOD_LABELS, TAUGHT_GROUPS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersByMethod } from '../../compare/runs';
import type { Row, Table } from '../table';

/** Accuracy by where a fact was to be learnt; null for data whose facts are not known. */
export function factGroups(record: RunRecord): Table | null {
  if (!record.facts) return null;
  const line = (label: string, meaning: string, groups: readonly string[], level?: Row['level']): Row[] => {
    const own = groupAccuracy(record, groups);
    if (!own) return [];
    return [{ level, cells: [label, meaning, own.facts, own.items, ...own.models.map(({ accuracy }) => accuracy)] }];
  };
  return {
    key: 'fact-groups',
    title: 'Accuracy in % by where the fact could be learnt',
    columns: [
      { key: 'group', label: 'Facts' },
      { key: 'meaning', label: 'where they occur' },
      { key: 'facts', label: 'facts' },
      { key: 'n', label: 'items' },
      ...answersByMethod(record).map(({ method }) => ({
        key: method,
        label: METHOD_LABELS[method],
        digits: 1,
        estimate: true,
      })),
    ],
    rows: [
      ...factGroupsOf(record).flatMap((group) =>
        line(GROUP_LABELS[group]?.label ?? group, GROUP_LABELS[group]?.meaning ?? '', [group]),
      ),
      ...line('all fine-tuned facts', 'the two groups that the training rows teach', TAUGHT_GROUPS, 'whole'),
    ],
    notes: [
      'Intervals are clustered by fact: several items ask for one. * chance lies inside the interval. PubMedQA is left out: its ' +
        'answer stands in the abstract that is asked about.',
    ],
  };
}
