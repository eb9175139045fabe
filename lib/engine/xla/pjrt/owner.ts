/** What lives on a client and must end before it: buffers, programs, calls that are under way. */
export interface Owned {
  free(): void;
}

export class Owner {
  private readonly owned = new Set<Owned>();
  private end: (() => void) | undefined;
  isClosed = false;

  add(one: Owned): void {
    this.owned.add(one);
  }

  /** Called when its memory is given back. */
  remove(one: Owned): void {
    this.owned.delete(one);
    if (this.owned.size === 0) this.finish();
  }

  /** Keeps the client alive during a call. */
  async during<T>(call: Promise<T>): Promise<T> {
    const underWay: Owned = { free: () => {} };
    this.add(underWay);
    try {
      return await call;
    } finally {
      this.remove(underWay);
    }
  }

  /** Frees all of it; `end` is called once the last has ended, now or after what still runs. */
  close(end: () => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.end = end;
    // One that stands for the loop itself: the last of the others must not end it midway.
    const all = [...this.owned];
    const self: Owned = { free: () => {} };
    this.add(self);
    for (const one of all) one.free();
    this.remove(self);
  }

  private finish(): void {
    this.end?.();
    this.end = undefined;
  }
}
