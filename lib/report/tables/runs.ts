import { shareRight } from '../../compare/estimate';
import { accuracyOnTaught } from '../../compare/fact-groups';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, heldOutLosses } from '../../compare/runs';
import type { Table } from '../table';

/** Every model of the run: its setting and seed, its losses, its accuracy over all items. */
export function runs(record: RunRecord): Table {
  const { facts, models } = record;
  return {
    key: 'runs',
    title: 'Every model of this run: its own rates, the paper’s rates, and training seeds',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'setting', label: 'setting' },
      { key: 'seed', label: 'seed', align: 'right' },
      { key: 'learning_rate', label: 'peak rate', align: 'right' },
      { key: 'epochs', label: 'epochs' },
      { key: 'held_out_before', label: 'held-out loss before', digits: 3 },
      { key: 'held_out_after', label: 'after', digits: 3 },
      { key: 'accuracy', label: 'accuracy, all items (%)', digits: 1, estimate: true },
      ...(facts ? [{ key: 'accuracy_taught', label: 'on fine-tuned facts (%)', digits: 1, estimate: true }] : []),
    ],
    rows: models.map((model) => {
      const { method, setting, seed, training } = model;
      const { before, after } = heldOutLosses(model);
      return {
        cells: [
          METHOD_LABELS[method],
          method === 'base' ? 'untouched' : SETTING_LABELS[setting],
          seed === null ? null : String(seed),
          training ? String(training.config.learningRate) : null,
          training?.config.epochs ?? null,
          before,
          after,
          shareRight(answersOf(record, [model])),
          ...(facts ? [accuracyOnTaught(record, model)] : []),
        ],
      };
    }),
    notes: [
      'Own rates are the preset’s, for a model of this size; environment.md says how they were found. The paper’s suit a ' +
        'model thousands of times larger. Losses are in nats per response token.',
    ],
  };
}
