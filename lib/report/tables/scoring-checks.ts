import { percent } from '../../compare/estimate';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { ModelRecord, RunRecord } from '../../compare/run-record';
import { constantAnswers } from '../../eval/constant-answers';
import { taskLabel } from '../../eval/tasks/tasks';
import type { Table } from '../table';

/** 'LoRA, own rate, seed 42'. */
function modelName({ method, setting, seed }: ModelRecord): string {
  if (method === 'base') return METHOD_LABELS.base;
  return `${METHOD_LABELS[method]}, ${SETTING_LABELS[setting]}, seed ${seed}`;
}

/** Tasks on which a model gives one answer nearly every time; null when there are none. */
export function constantAnswerTable({ models }: RunRecord): Table | null {
  const rows = models.flatMap((model) =>
    constantAnswers(model.scores.items).map(({ task, choice, share, accuracy }) => ({
      cells: [modelName(model), taskLabel(task), choice + 1, percent(share), percent(accuracy)],
    })),
  );
  if (rows.length === 0) return null;
  return {
    key: 'constant-answers',
    title: 'Tasks answered with one and the same choice',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'dataset', label: 'Dataset' },
      { key: 'choice', label: 'choice no.' },
      { key: 'share', label: '% of its answers', digits: 1 },
      { key: 'accuracy', label: 'always choosing it scores (%)', digits: 1 },
    ],
    rows,
    notes: [
      'Accuracy is then how often that choice happens to be right, also where it lies off the chance level: it shows no ' +
        'knowledge, and its interval does not tell.',
    ],
  };
}

/** What was asked of each task, what was cut and what was tied. */
export function requests(record: RunRecord): Table {
  const { tasks } = record.models[0]!.scores;
  const { overlong } = record;
  const shown = overlong.slice(0, 10).join(', ');
  return {
    key: 'requests',
    title: 'Items asked, cut and tied',
    columns: [
      { key: 'dataset', label: 'Dataset' },
      { key: 'available', label: 'items there' },
      { key: 'n', label: 'asked' },
      { key: 'sample_seed', label: 'sample seed', align: 'right' },
      { key: 'truncated', label: 'cut' },
      { key: 'truncated_percent', label: '%', digits: 1 },
      { key: 'truncated_most', label: 'most tokens lost' },
      { key: 'ties', label: 'base’s ties' },
      { key: 'majority', label: 'best constant answer (%)', digits: 1 },
    ],
    rows: tasks.map((task) => ({
      cells: [
        taskLabel(task.task),
        task.available,
        task.n,
        task.seed === null ? null : String(task.seed),
        task.truncatedItems,
        percent(task.truncatedItems / task.n),
        task.truncatedTokensMax,
        task.ties,
        percent(task.majority.share),
      ],
    })),
    notes: [
      'Cut: longer than the model’s context, and lost their beginning. Ties go to the first choice, as the harness has it.',
      ...(overlong.length > 0
        ? [
            `Left out, for an answer longer than the model’s context: ${overlong.length} (${shown}${overlong.length > 10 ? ', …' : ''}).`,
          ]
        : []),
    ],
  };
}
