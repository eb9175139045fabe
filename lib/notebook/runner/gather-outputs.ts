import type { CellFailure, DisplayContent, MimeBundle } from '../kernel/output';
import type { NotebookOutput } from './notebook-file';

/** What a cell's process says. */
export type CellEvent =
  | { readonly kind: 'stream'; readonly name: 'stdout' | 'stderr'; readonly text: string }
  | { readonly kind: 'display'; readonly content: DisplayContent; readonly update: boolean }
  | { readonly kind: 'result'; readonly data: MimeBundle }
  | { readonly kind: 'failure'; readonly failure: CellFailure };

type Slot = { output: NotebookOutput };

/** Puts the outputs of a notebook's cells together as a notebook file holds them. */
export interface Gatherer {
  add(cell: number, event: CellEvent): void;
  outputsOf(cell: number): NotebookOutput[];
}

export function createGatherer(): Gatherer {
  const cells = new Map<number, Slot[]>();
  /** Displays that can still be updated, also from a later cell. */
  const shown = new Map<string, Slot[]>();
  const slotsOf = (cell: number): Slot[] => {
    const slots = cells.get(cell) ?? [];
    cells.set(cell, slots);
    return slots;
  };
  return {
    outputsOf: (cell) => slotsOf(cell).map(({ output }) => output),
    add: (cell, event) => {
      const slots = slotsOf(cell);
      const last = slots.at(-1);
      switch (event.kind) {
        case 'stream':
          if (last?.output.output_type === 'stream' && last.output.name === event.name) {
            last.output = { ...last.output, text: last.output.text + event.text };
          } else slots.push({ output: { output_type: 'stream', name: event.name, text: event.text } });
          return;
        case 'display': {
          const { data, metadata, transient } = event.content;
          const output: NotebookOutput = { output_type: 'display_data', data, metadata };
          const id = transient.display_id;
          if (event.update && id !== undefined) {
            for (const slot of shown.get(id) ?? []) slot.output = output;
            return;
          }
          const slot = { output };
          slots.push(slot);
          if (id !== undefined) shown.set(id, [...(shown.get(id) ?? []), slot]);
          return;
        }
        case 'result':
          slots.push({ output: { output_type: 'execute_result', data: event.data, metadata: {} } });
          return;
        case 'failure':
          slots.push({ output: { output_type: 'error', ...event.failure } });
      }
    },
  };
}
