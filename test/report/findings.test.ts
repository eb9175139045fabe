import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../lib/compare/contamination';
import { inPoints, verdictOf } from '../../lib/compare/estimate';
import { compareModels } from '../../lib/compare/models';
import type { RunRecord } from '../../lib/compare/run-record';
import { armsOf, fairSetting, runsOf } from '../../lib/compare/runs';
import { type Findings, findings } from '../../lib/report/findings';
import { reportParts } from '../../lib/report/parts';
import { cost } from '../../lib/report/tables/cost';
import { pointsText } from '../../lib/report/verdict-words';
import { type RecordOptions, sampleDecontamination, sampleRecord } from './fixture';

function of(options: RecordOptions, contaminated = false): Findings {
  const record = sampleRecord(options);
  const comparison = record.models.length > 1 ? compareModels(record, { resamples: 100 }) : null;
  return findings(record, comparison, contaminated ? sampleDecontamination(record) : null);
}

const flat = (value: number) => ({ 'read-and-tuned': value, 'read-only': value, 'tuned-only': value, control: 0.25 });

describe('the answer follows the numbers', () => {
  it('both tuned models above the base, and not to be told apart', () => {
    const [first, second, third] = of({ base: 0.25, lora: flat(0.6), full: flat(0.6) }).answer;
    expect(first).toMatch(
      /^On the facts that were fine-tuned on \(\d+ items about \d+ facts\), both tuned models score higher/,
    );
    expect(second).toMatch(/cannot be told apart on the same items: full minus LoRA is [+−]?\d/);
    expect(second).toMatch(/a true difference below about \d+\.\d points could go unseen/);
    expect(third).toMatch(/LoRA changes 5\.6% of the parameters/);
  });

  it('neither above the base', () => {
    const { answer } = of({ base: 0.3, lora: flat(0.3), full: flat(0.3), itemsPerTask: 60 });
    expect(answer[0]).toContain('neither tuned model can be told from the untouched base');
    expect(answer.join(' ')).not.toMatch(/higher|better|beat/);
  });

  it('both below the base', () => {
    expect(of({ base: 0.7, lora: 0.3, full: 0.3 }).answer[0]).toContain('both tuned models score lower');
  });

  it('one above, one not', () => {
    const [first] = of({ base: 0.3, lora: flat(0.3), full: flat(0.8) }).answer;
    expect(first).toMatch(
      /LoRA cannot be told from the untouched base \([^)]*\); full-parameter training scores higher/,
    );
  });

  it('full-parameter training ahead of LoRA, and behind', () => {
    expect(of({ base: 0.3, lora: 0.4, full: 0.8 }).answer[1]).toMatch(
      /^Full-parameter training scores higher than LoRA on the same items: \+\d+\.\d points \[\+.*, p <0\.001 \(3 and 3 training seeds/,
    );
    expect(of({ base: 0.3, lora: 0.8, full: 0.4 }).answer[1]).toMatch(/scores lower than LoRA.*: −\d/);
  });

  it('one seed says that another could differ', () => {
    expect(of({ seeds: [42] }).answer[1]).toContain('another training could differ by more than the interval says');
  });

  it('all items, where no facts are known', () => {
    expect(of({ facts: false }).answer[0]).toMatch(/^On all 480 items, /);
  });

  it('accuracy from one and the same choice is called what it is, before the other checks', () => {
    const record = sampleRecord({});
    const stuck = record.models.map((model) => {
      const items = model.scores.items.map((item) =>
        item.task === 'medqa_4options' ? { ...item, prediction: 0 } : item,
      );
      return model.name === 'lora-42' ? { ...model, scores: { ...model.scores, items } } : model;
    });
    expect(findings({ ...record, models: stuck }, null, null).checks[0]).toMatch(
      /^One and the same choice is nearly every answer of LoRA on 1 of \d+ tasks: its accuracy there is/,
    );
    expect(findings(record, null, null).checks.join()).not.toContain('the same choice');
  });

  it('what was not run is not spoken of', () => {
    const alone = of({ full: null });
    expect(alone.answer[0]).toMatch(/LoRA scores higher than the untouched base/);
    expect(alone.answer[0]).not.toContain('full');
    expect(alone.answer.slice(1)).toEqual([
      'LoRA and full-parameter training were not both run, so they are not compared.',
      'The price of LoRA against full-parameter training cannot be told from one of them alone.',
    ]);
    expect(of({ lora: null, full: null }).answer[0]).toBe(
      'Nothing was tuned, so there is nothing to set against the base.',
    );
  });

  it('forgetting as measured, and only where there is a quiz', () => {
    expect(of({}).answer[2]).toMatch(/full-parameter training lost ground, −\d/);
    expect(of({ quiz: false }).answer[2]).not.toContain('quiz');
  });
});

describe('where methods were trained for equal epochs too', () => {
  const options = { base: 0.25, lora: flat(0.7), full: flat(0.6), loraControlled: flat(0.4), itemsPerTask: 60 };

  it('the answer is of those, and says what the paper’s epochs give, and that these confound', () => {
    const [first, second, third, fourth] = of(options).answer;
    expect(first).toMatch(
      /^Both methods were trained for 3 epochs, each at its own best peak rate\. On the facts .* both tuned models score higher/,
    );
    expect(second).toMatch(/^Full-parameter training scores higher than LoRA on the same items: \+\d/);
    expect(third).toMatch(
      /^Under the paper’s own epochs, 8 for LoRA and 3 for full-parameter training, full minus LoRA is −\d.*LoRA against the base \+\d.*method and number of epochs together/,
    );
    expect(fourth).toMatch(/ for the same tokens; on the general quiz, LoRA .* and full-parameter training /);
  });

  it('a training that serves both settings is compared in both and counted once', () => {
    const record = sampleRecord(options);
    expect(runsOf(record, 'full', 'controlled')).toEqual(runsOf(record, 'full', 'tuned'));
    expect(runsOf(record, 'lora', 'controlled').map(({ name }) => name)).toEqual(
      [42, 43, 44].map((seed) => `lora-controlled-${seed}`),
    );
    const arms = armsOf(record);
    expect(arms.map(({ method, setting }) => `${method} ${setting}`)).toEqual([
      'lora tuned',
      'full tuned',
      'lora controlled',
      'lora paper',
      'full paper',
    ]);
    expect(arms.flatMap(({ runs }) => runs)).toHaveLength(record.models.length - 1);
    const rows = cost(record).rows.map(({ cells }) => cells[0]);
    expect(rows.filter((label) => label === 'LoRA, equal epochs')).toHaveLength(1);
    expect(rows.filter((label) => String(label).startsWith('full'))).toHaveLength(2);
  });

  it('tokens of the cost table say that padding is counted: batch times length, an update', () => {
    const { columns, notes } = cost(sampleRecord(options));
    expect(columns.find(({ key }) => key === 'tokens')?.label).toBe('tokens, padding included');
    expect(notes?.join(' ')).toContain('Tokens and tokens/s count every place of the chunks read, padding too.');
  });

  it('tables: the controlled pair first, then the paper’s epochs; table 1 keeps the paper’s', () => {
    const record = sampleRecord(options);
    const { tables } = reportParts(record, { decontamination: [] });
    const keys = tables.map(({ key }) => key).filter((key) => key.startsWith('comparisons'));
    expect(keys).toEqual(['comparisons-controlled', 'comparisons', 'comparisons-paper-rates']);
    const table1 = (of: RunRecord) =>
      reportParts(of, { decontamination: [] }).tables.find(({ key }) => key === 'table-1');
    const without = { ...record, models: record.models.filter(({ setting }) => setting !== 'controlled') };
    expect(table1(record)).toEqual(table1(without));
  });

  it('a record of before, which has none, is read as it was', () => {
    expect(fairSetting(sampleRecord({}))).toBe('tuned');
    expect(of({}).answer).toHaveLength(3);
  });
});

describe('the checks', () => {
  it('a control group off chance is an alarm, one at chance is said', () => {
    const alarmed = of({ base: 0.25, lora: 0.7, full: 0.7 }).checks.join('\n');
    expect(alarmed).toMatch(/is off chance \(25\.0%\) for .*must not be trusted/);
    const calm = of({ base: 0.25, lora: flat(0.6), full: flat(0.6) }).checks.join('\n');
    expect(calm).toMatch(/no model can be told from chance/);
    expect(calm).not.toContain('must not be trusted');
  });

  it('tasks are counted by direction, after correction', () => {
    expect(of({ base: 0.3, lora: 0.2, full: 0.9 }).checks[0]).toMatch(
      /^Task by task, 12 of 12 show a difference after Holm’s correction: full-parameter training is ahead on 12, LoRA on 0\.$/,
    );
    expect(of({ base: 0.3, lora: 0.5, full: 0.5 }).checks[0]).toContain('none of the 12');
  });

  it('whether contamination helped: more on flagged items, not told, too few', () => {
    const helped = withFlaggedRight(sampleRecord({ base: 0.3, lora: 0.4, full: 0.4 }));
    const method = sampleDecontamination(helped);
    const full = effectsOf(helped, method).find((one) => one.method === 'full' && one.setting === 'tuned')!;
    expect(verdictOf(inPoints(full))).toBe('higher');
    expect(findings(helped, null, method).checks.at(-1)).toMatch(
      /full-parameter training gained more on them than on clean items/,
    );
    expect(of({}, true).checks.at(-1)).toMatch(
      /20 of 480 items are flagged.*shows no difference between them and clean items/,
    );
    const one = { ...method, flagged: method.flagged.slice(0, 1) };
    expect(findings(helped, null, one).checks.at(-1)).toContain('too few to say');
    expect(findings(helped, null, null).checks.join()).not.toContain('flagged');
  });
});

/** The record with every flagged item answered rightly by the tuned models and wrongly by the base. */
function withFlaggedRight(record: RunRecord): RunRecord {
  const flagged = new Set(sampleDecontamination(record).flagged);
  const models = record.models.map((model) => {
    const items = model.scores.items.map((item) => {
      const wrong = (item.answer + 1) % item.logLikelihoods.length;
      return flagged.has(item.id) ? { ...item, prediction: model.method === 'base' ? wrong : item.answer } : item;
    });
    return { ...model, scores: { ...model.scores, items } };
  });
  return { ...record, models };
}

describe('verdicts', () => {
  it('need the whole interval on one side', () => {
    expect(verdictOf({ value: 3, low: 0.1, high: 6 })).toBe('higher');
    expect(verdictOf({ value: 3, low: 0, high: 6 })).toBe('untold');
    expect(verdictOf({ value: -3, low: -6, high: -0.1 })).toBe('lower');
    expect(verdictOf(0)).toBe('equal');
    expect(pointsText({ value: 3, low: -0.04, high: 6.06 })).toBe('+3.0 points [0.0, +6.1]');
  });
});
