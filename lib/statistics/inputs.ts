/** Refuses counts that are no counts. @throws naming who, what was required and what came */
export function needsCounts(who: string, count: number, n: number): void {
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(n) || n < 1 || count < 0 || count > n) {
    throw new Error(`${who}: needs whole numbers with 0 <= count <= n and n > 0, got ${count} of ${n}`);
  }
}

/** @throws naming the first value that is no finite number */
export function needsFinite(who: string, what: string, values: readonly number[]): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Error(`${who}: ${what} ${bad} must be a finite number, got ${values[bad]}`);
}

/** Of an interval. @throws unless 0 < level < 1 */
export function needsLevel(who: string, level: number): void {
  if (!(level > 0 && level < 1)) throw new Error(`${who}: level must lie between 0 and 1, got ${level}`);
}

/** @throws unless 0 <= p <= 1 */
export function needsShare(who: string, what: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new Error(`${who}: ${what} must lie from 0 to 1, got ${p}`);
}
