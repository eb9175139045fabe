import { mean } from 'simple-statistics';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { RunRecord, TrainingRecord } from '../../compare/run-record';
import { armsOf } from '../../compare/runs';
import type { Table } from '../table';

/** What a method cost, the mean over its training seeds. */
export interface Cost {
  readonly trainable: number;
  readonly parameters: number;
  readonly updates: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly savedBytes: number;
}

/** Null when the method was not trained. */
export function costOf(runs: readonly { readonly training: TrainingRecord | null }[]): Cost | null {
  const trained = runs.flatMap(({ training }) => training ?? []);
  if (trained.length === 0) return null;
  const of = (key: keyof Cost) => mean(trained.map((one) => one[key]));
  return {
    trainable: of('trainable'),
    parameters: of('parameters'),
    updates: of('updates'),
    tokens: of('tokens'),
    seconds: of('seconds'),
    peakMemoryBytes: of('peakMemoryBytes'),
    savedBytes: of('savedBytes'),
  };
}

/** What LoRA and full-parameter training took. */
export function cost(record: RunRecord): Table {
  const arms = armsOf(record).flatMap(({ method, setting, runs }) => {
    const of = costOf(runs);
    return of ? [{ label: `${METHOD_LABELS[method]}, ${SETTING_LABELS[setting]}`, runs, cost: of }] : [];
  });
  return {
    key: 'cost',
    title: 'What training took',
    columns: [
      { key: 'method', label: 'Method' },
      { key: 'runs', label: 'runs' },
      { key: 'trainable', label: 'trainable parameters' },
      { key: 'trainable_percent', label: '% of all', digits: 2 },
      { key: 'updates', label: 'updates' },
      { key: 'tokens', label: 'tokens read' },
      { key: 'seconds', label: 'seconds in updates', digits: 1 },
      { key: 'tokens_per_second', label: 'tokens/s' },
      { key: 'peak_memory_mib', label: 'peak memory, MiB' },
      { key: 'saved_kib', label: 'saved, KiB' },
    ],
    rows: arms.map(({ label, runs, cost: c }) => ({
      cells: [
        label,
        runs.length,
        c.trainable,
        (100 * c.trainable) / c.parameters,
        c.updates,
        c.tokens,
        c.seconds,
        c.tokens / c.seconds,
        c.peakMemoryBytes / 2 ** 20,
        c.savedBytes / 2 ** 10,
      ],
    })),
    notes: [
      'Means over the runs of a line. Seconds are of a process that may have shared the machine with another model’s ' +
        '(manifest.json, `atOnce`). Peak memory is of the whole training process, the program itself included. Saved: ' +
        'the adapter’s file for LoRA, all weights for full-parameter.',
      'The paper states trainable parameters alone: 20 and 104 million of 7 and 70 billion for LoRA (0.29% and 0.15%).',
    ],
  };
}
