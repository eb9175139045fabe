/** What a cell in progress does when it is interrupted, instead of being dropped where it stands. */
const listeners = new Set<() => void>();

/** Calls `listener` when the cell in progress is interrupted; returns what takes it back. */
export function onInterrupt(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/**
 * Aborts when the cell in progress is interrupted: give it to work that stops by itself at a good place
 * (`train`, `reproduce`). The cell then ends when that work does; a second interrupt drops it at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  onInterrupt(() => controller.abort());
  return controller.signal;
}

/** Nothing of an earlier cell listens any more. */
export function beginCell(): void {
  listeners.clear();
}

/** Tells those who listen, once; false when nobody does. */
export function interruptListeners(): boolean {
  const told = [...listeners];
  listeners.clear();
  for (const listener of told) listener();
  return told.length > 0;
}
