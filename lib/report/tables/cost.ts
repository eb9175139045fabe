import { costs } from '../../compare/cost';
import type { RunRecord } from '../../compare/run-record';
import type { Table } from '../table';

/** What LoRA and full-parameter training took. */
export function cost(record: RunRecord): Table {
  return {
    key: 'cost',
    title: 'What training took',
    columns: [
      { key: 'method', label: 'Method' },
      { key: 'runs', label: 'runs' },
      { key: 'trainable', label: 'trainable parameters' },
      { key: 'trainable_percent', label: '% of all', digits: 2 },
      { key: 'updates', label: 'updates' },
      { key: 'tokens', label: 'tokens, padding included' },
      { key: 'seconds', label: 'seconds in updates', digits: 1 },
      { key: 'tokens_per_second', label: 'tokens/s' },
      { key: 'peak_memory_mib', label: 'peak memory, MiB' },
      { key: 'saved_kib', label: 'saved, KiB' },
    ],
    rows: costs(record).map(({ label, runs, cost: c }) => ({
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
      'Means over the runs of a line, of memory the most. Tokens and tokens/s count every place of the chunks read, padding too. Seconds are of a process that may have shared the machine with another model’s ' +
        '(manifest.json, `atOnce`). Peak memory is of the whole training process, the program itself included. Saved: ' +
        'the adapter’s file for LoRA, all weights for full-parameter.',
      'The paper states trainable parameters alone: 20 and 104 million of 7 and 70 billion for LoRA (0.29% and 0.15%).',
    ],
  };
}
