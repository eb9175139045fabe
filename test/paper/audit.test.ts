import { beforeAll, describe, expect, it } from 'vitest';
import { auditPaper, type PaperAudit } from '../../lib/paper/audit/audit';
import { type AuditCheck, countsPrintedAs, cutsTo, printsAs } from '../../lib/paper/audit/check';
import { averagesDiffer } from '../../lib/paper/audit/claims';
import { subsetsOfSize } from '../../lib/paper/audit/contamination';
import { PAPER_TABLES } from '../../lib/paper/audit/tables';
import { tableToMarkdown, tableToText } from '../../lib/report/table-formats';
import { auditSummary, auditTable, claimsTable, removedItemsTable } from '../../lib/report/tables/audit';

let audit: PaperAudit;
beforeAll(() => {
  audit = auditPaper();
});

const found = (table: AuditCheck['table'], cell: string, rule?: AuditCheck['rule']): AuditCheck => {
  const hits = audit.checks.filter((one) => one.table === table && one.cell === cell && (!rule || one.rule === rule));
  expect(hits, `${table} ${cell}`).toHaveLength(1);
  return hits[0]!;
};
const cells = (table: AuditCheck['table'], verdict: AuditCheck['verdict'], rule: AuditCheck['rule']) =>
  audit.checks.filter((c) => c.table === table && c.verdict === verdict && c.rule === rule).map((c) => c.cell);

describe('table A1', () => {
  it('adds up, its percentages to rounding', () => {
    expect(found('A1', 'Total medical, samples')).toMatchObject({ computed: '411,064', verdict: 'agrees' });
    expect(found('A1', 'Total general, samples')).toMatchObject({ computed: '295,649', verdict: 'agrees' });
    expect(found('A1', 'MMLU, mixture ratio')).toMatchObject({
      printed: '0.03%',
      computed: '0.0345%',
      verdict: 'agrees',
    });
    expect(audit.checks.filter(({ table, verdict }) => table === 'A1' && verdict !== 'agrees')).toEqual([]);
  });

  it('has 58 to 42 where the text has 60 to 40', () => {
    expect(found('text', 'A.3, share of general-domain data')).toMatchObject({
      computed: '41.83% (medical 58.17%)',
      verdict: 'rounding',
    });
  });
});

describe('table A2', () => {
  it('has a total that its rows do not sum to', () => {
    expect(cells('A2', 'disagrees', 'sum')).toEqual(['Total, samples', 'Total, contaminated']);
    const [samples, flagged] = [found('A2', 'Total, samples', 'sum'), found('A2', 'Total, contaminated', 'sum')];
    expect([samples.printed, samples.computed]).toEqual(['11,904', '10,437']);
    expect([flagged.printed, flagged.computed]).toEqual(['280', '241']);
    expect(samples.explanation).toContain('off by 1,467');
    expect(flagged.explanation).toContain('off by 39');
  });

  it('lacks exactly three MMLU subjects, the only set of 127', () => {
    expect(found('A2', 'Total, samples', 'sum').explanation).toContain(
      'high-school biology 310 + professional psychology 612 + high-school psychology 545, MMLU subjects that table A1 ' +
        'trains on and this table leaves out (the only one of 127 such sets)',
    );
    expect(subsetsOfSize(Object.entries(PAPER_TABLES.known!.moreSubjects), ([, n]) => n, 1467)).toHaveLength(1);
  });

  it('is of the complete splits, and above the 2% of the text', () => {
    expect(cells('A2', 'agrees', 'size')).toHaveLength(10);
    expect(found('text', 'A.4, share of contaminated samples')).toMatchObject({
      computed: '2.35% by the printed total, 2.31% by the rows',
      verdict: 'disagrees',
    });
    expect(cells('A2', 'disagrees', 'percent')).toEqual([]);
  });
});

describe('table 1', () => {
  it('has a whole number of items in each cell of its own models', () => {
    expect(cells('1', 'agrees', 'count')).toHaveLength(24);
    expect(cells('1', 'disagrees', 'count')).toEqual([]);
  });

  it('has averages that follow, but for one of another model', () => {
    expect(cells('1', 'disagrees', 'average')).toEqual(['MMLU (average), MedPaLM-2']);
    expect(found('1', 'MMLU (average), MedPaLM-2').computed).toBe('87.77% of the printed rows');
    expect(found('1', 'USMLE (average), FP-FT (Med42)')).toMatchObject({
      computed: '71.85% of the printed rows, 71.846% of the counts',
      verdict: 'rounding',
    });
    expect(found('text', 'Abstract, Med42 on USMLE').verdict).toBe('agrees');
  });
});

describe('table A3', () => {
  it('has four cells that are of no whole number of items', () => {
    expect(cells('A3', 'disagrees', 'count')).toEqual([
      'College medicine, PE-FT',
      'Self-assessment, PE-FT',
      'Sample exam, PE-FT',
      'Self-assessment, FP-FT',
    ]);
    expect(found('A3', 'College medicine, PE-FT', 'count').computed).toBe('125/172 = 72.67% or 126/172 = 73.26%');
    expect(found('A3', 'College medicine, PE-FT', 'count').explanation).toContain('126/172 does if cut off');
    for (const cell of ['Self-assessment, PE-FT', 'Self-assessment, FP-FT', 'Sample exam, PE-FT']) {
      expect(found('A3', cell, 'count').explanation).toContain('possible if 12 items were removed, not 11');
    }
  });

  it('has one cell that removal cannot reach', () => {
    expect(cells('A3', 'disagrees', 'removal')).toEqual(['PubMedQA, FP-FT']);
    expect(found('A3', 'PubMedQA, FP-FT', 'removal')).toMatchObject({
      printed: '76.3%',
      computed: '76.7 to 77.1%',
      explanation: 'out of reach of 384 of 500 when 2 items are removed',
    });
  });

  it('pins down how many of the removed items were right', () => {
    const right = (task: string) => audit.removed.filter((one) => one.task === task).map((one) => [...one.right]);
    expect(right('medqa_4options')).toEqual([
      [50, 50],
      [51, 51],
    ]);
    expect(right('medmcqa')).toEqual([
      [12, 18],
      [12, 18],
    ]);
    expect(right('headqa_en')).toEqual([
      [50, 54],
      [51, 54],
    ]);
    expect(right('mmlu_medical_genetics')).toEqual([
      [5, 5],
      [6, 6],
    ]);
  });

  it('has flagged items that are unlike the clean ones', () => {
    const [medqa, headqa, medmcqa] = ['medqa_4options', 'headqa_en', 'medmcqa'].map(
      (task) => audit.removed.find((one) => one.task === task && one.column === 'PE-FT')!,
    );
    expect(medqa!.flaggedAccuracy[0]).toBeCloseTo(0.685, 3);
    expect(medqa!.cleanAccuracy[0]).toBeCloseTo(0.585, 3);
    expect(headqa!.flaggedAccuracy.map((x) => Math.round(100 * x))).toEqual([81, 87]);
    expect(medmcqa!.flaggedAccuracy.map((x) => Math.round(100 * x))).toEqual([18, 28]);
    expect(medmcqa!.pHolm).toBeLessThan(0.001);
    expect(medqa!.pHolm).toBeGreaterThan(0.05);
  });
});

describe('the claimed differences', () => {
  // From p and n alone; the spec's figures.
  it.each([
    ['medqa_4options', 2.4, 0.22],
    ['headqa_en', 1.4, 0.25],
    ['pubmedqa', 1.0, 0.71],
    ['usmle_self_assessment', 3.7, 0.3],
    ['usmle_sample_exam', 3.4, 0.34],
    ['mmlu_clinical_knowledge', -2.3, 0.54],
    ['mmlu_college_medicine', -4.0, 0.41],
    ['mmlu_medical_genetics', 6.0, 0.26],
  ])('%s %f points, p %f', (task, points, p) => {
    const one = audit.differences.find((d) => d.task === task && d.from === 'PE-FT')!;
    expect(100 * one.difference).toBeCloseTo(points, 8);
    expect(one.p).toBeCloseTo(p, 2);
    expect(one.pHolm).toBe(1);
  });

  it('leave MedMCQA alone as sure, after Holm too', () => {
    const own = audit.differences.filter(({ from }) => from === 'PE-FT');
    const sure = own.filter(({ pHolm }) => pHolm < 0.05);
    expect(sure.map(({ task }) => task)).toEqual(['medmcqa']);
    expect(sure[0]!.z).toBeCloseTo(5.74, 2);
    expect(sure[0]!.p).toBeLessThan(1e-8);
    expect(sure[0]!.pHolm).toBeCloseTo(12 * sure[0]!.p, 12);
    expect(audit.observations.find(({ topic }) => topic === 'wins')!.text).toContain(
      'higher in 8 of 12 tasks, lower in 3',
    );
  });

  it('include averages that differ by nothing, in the other order when weighted', () => {
    const [pe, fp] = audit.averages.filter(({ group }) => group === 'mmlu');
    expect([pe!.unweighted, fp!.unweighted].map((x) => (100 * x).toFixed(2))).toEqual(['76.70', '76.72']);
    expect([pe!.stderr, fp!.stderr].map((x) => (100 * x).toFixed(1))).toEqual(['1.4', '1.3']);
    expect([pe!.weighted, fp!.weighted].map((x) => (100 * x).toFixed(2))).toEqual(['76.93', '76.30']);
    expect(averagesDiffer(pe!, fp!)).toBeGreaterThan(0.9);
  });
});

describe('observed', () => {
  it.each([
    ['equal rows', 'both have 325 samples and 11 flagged'],
    ['image questions', "HeadQA's 2657 training and 2742 test samples are its complete English splits"],
    ['averages', 'in reversed order'],
    ['flagged items', 'MedMCQA, PE-FT: 12 to 18 of 65'],
  ])('%s', (topic, text) => {
    expect(audit.observations.filter((one) => one.topic === topic).map((one) => one.text)[0]).toContain(text);
  });
});

describe('a printed percentage', () => {
  it('is of certain counts only', () => {
    expect(countsPrintedAs(59.1, 1273)).toEqual([752]);
    expect(countsPrintedAs(73.2, 172)).toEqual([]);
    expect(countsPrintedAs(100, 3)).toEqual([3]);
    expect(countsPrintedAs(0, 3)).toEqual([0]);
    // A tie prints either way: 1 of 80 is 1.25%.
    expect([countsPrintedAs(1.2, 80), countsPrintedAs(1.3, 80)]).toEqual([[1], [1]]);
    for (const [percent, n] of [
      [54.7, 4183],
      [76.6, 265],
    ] as const) {
      const all = Array.from({ length: n + 1 }, (_, k) => k).filter((k) => ((100 * k) / n).toFixed(1) === `${percent}`);
      expect(countsPrintedAs(percent, n)).toEqual(all);
    }
  });

  it('is rounded, or cut off', () => {
    expect([printsAs(73.26, 73.3, 1), printsAs(73.26, 73.2, 1)]).toEqual([true, false]);
    expect([cutsTo(73.26, 73.2, 1), cutsTo(73.26, 73.3, 1), cutsTo(-0.29, -0.2, 1)]).toEqual([true, false, true]);
  });
});

describe('shown', () => {
  it('the worst first, with one sentence on all', () => {
    const verdicts = auditTable(audit).rows.map(({ cells: row }) => row[4]);
    expect(verdicts).toEqual([...new Array(10).fill('disagrees'), ...new Array(4).fill('rounding')]);
    const all = auditTable(audit, ['agrees', 'rounding', 'disagrees']);
    expect(all.rows).toHaveLength(audit.checks.length);
    expect(auditSummary(audit)).toBe(
      '165 printed numbers recomputed: 151 agree, 4 only by rounding on the way, 10 disagree.',
    );
  });

  it('in every format', () => {
    const table = auditTable(audit);
    for (const text of [tableToMarkdown(table), tableToText(table)]) {
      for (const shown of ['11,904', 'PubMedQA, FP-FT', 'MedPaLM-2', '12 to 18 of 65']) expect(text).toContain(shown);
    }
    expect(tableToText(claimsTable(audit))).toMatch(/MedMCQA +4,183 +\+6\.2 \[\+4\.1, \+8\.3\] +\+5\.74 +<0\.001/);
    expect(tableToText(removedItemsTable(audit))).toMatch(/HeadQA +PE-FT +62 +50 to 54 +80\.6 to 87\.1/);
  });
});
