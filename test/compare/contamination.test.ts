import { describe, expect, it } from 'vitest';
import { contaminationEffects } from '../../lib/compare/contamination';
import type { ComparedRun } from '../../lib/compare/models';
import { createRandom } from '../../lib/random';
import { contaminationEffect } from '../../lib/report/tables/contamination-effect';
import { sampleDecontamination, sampleRecord } from '../report/fixture';

const record = sampleRecord({ base: 0.4, lora: 0.6, full: 0.6 });
const ids = record.models[0]!.scores.items.map(({ id }) => id);

/** A fifth of the items, and of these the tuned models have more right when leakage helps. */
const flagged = ids.filter((_, i) => i % 5 === 0);

function leaking(share: number): ComparedRun {
  const random = createRandom(7);
  const models = record.models.map((model) => ({
    ...model,
    scores: {
      items: model.scores.items.map((item, i) => {
        const leaks = model.method !== 'base' && i % 5 === 0 && random.next() < share;
        return leaks ? { ...item, prediction: item.answer } : item;
      }),
    },
  }));
  return { models, facts: record.facts };
}

describe('contamination', () => {
  it('that helped is found, for each method and setting', () => {
    const effects = contaminationEffects(leaking(0.8), flagged);
    expect(effects.map(({ setting, method, seeds }) => [setting, method, seeds])).toEqual([
      ['tuned', 'lora', 3],
      ['tuned', 'full', 3],
      ['paper', 'lora', expect.any(Number)],
      ['paper', 'full', expect.any(Number)],
    ]);
    for (const { value, interval, pHolm, p, flagged: n, perSeed } of effects.slice(0, 2)) {
      expect(value).toBeGreaterThan(0.15);
      expect(interval![0]).toBeGreaterThan(0);
      expect(pHolm!).toBeGreaterThanOrEqual(p!);
      expect(n).toBe(flagged.length);
      expect(perSeed.reduce((sum, one) => sum + one.value, 0) / 3).toBeCloseTo(value, 12);
    }
  });

  it('that did nothing is not', () => {
    for (const { interval, counts } of contaminationEffects(leaking(0), flagged).slice(0, 2)) {
      expect(interval![0]).toBeLessThan(0);
      expect(interval![1]).toBeGreaterThan(0);
      expect(counts).toBe('items and seeds');
    }
  });

  it('of nearly none or nearly all items cannot be told', () => {
    expect(contaminationEffects(record, [])).toEqual([]);
    expect(contaminationEffects(record, [ids[0]!])).toEqual([]);
    expect(contaminationEffects(record, ids)).toEqual([]);
    // A whole task flagged and no other: nothing to compare with inside a task.
    const { items } = record.models[0]!.scores;
    const task = items.filter((item) => item.task === items[0]!.task).map(({ id }) => id);
    expect(contaminationEffects(record, task)).toEqual([]);
  });

  it('of no more items than tasks and the flag take up cannot be told', () => {
    const [first, ...others] = [...new Set(record.models[0]!.scores.items.map(({ task }) => task))];
    const chosen = [first!, first!, ...others.slice(0, 2)].map((task, i) => {
      const own = record.models[0]!.scores.items.filter((item) => item.task === task);
      return own[i === 1 ? own.length - 1 : 0]!.id;
    });
    const few = (wanted: readonly string[]): ComparedRun => ({
      facts: null,
      models: record.models.map((model) => ({
        ...model,
        scores: { items: model.scores.items.filter(({ id }) => wanted.includes(id)) },
      })),
    });
    expect(contaminationEffects(few(chosen), [chosen[0]!, chosen[2]!])).toEqual([]);
  });

  it('is of items that were scored', () => {
    expect(() => contaminationEffects(record, [...flagged, 'elsewhere-1'])).toThrow(/flagged item elsewhere-1 was not/);
    const models = record.models.slice(1);
    expect(() => contaminationEffects({ ...record, models }, flagged)).toThrow(/needs the base/);
  });

  it('is a table of the report', () => {
    const method = { ...sampleDecontamination(record), flagged: [...flagged, 'not scored here'] };
    const table = contaminationEffect(record, method)!;
    expect(table.rows.length).toBeGreaterThanOrEqual(2);
    expect(table.rows[0]!.cells[3]).toBe(flagged.length);
    expect(contaminationEffect(record, { ...method, flagged: [] })).toBeNull();
  });
});
