import { type AuditCheck, grouped, printsAs } from './check';
import type { PaperTables } from './tables';

/** Table A1: sums and percentages of the training data, and what the text says of them. */
export function auditTrainingData({ tableA1, claims }: PaperTables): AuditCheck[] {
  const total = tableA1.rows.reduce((sum, row) => sum + row.samples, 0);
  const percentCheck = (cell: string, samples: number, percent: number): AuditCheck => ({
    table: 'A1',
    cell: `${cell}, mixture ratio`,
    rule: 'percent',
    printed: `${percent.toFixed(2)}%`,
    computed: `${((100 * samples) / total).toFixed(4)}%`,
    verdict: printsAs((100 * samples) / total, percent, 2) ? 'agrees' : 'disagrees',
    explanation: '',
  });
  const domains = (['medical', 'general'] as const).flatMap((domain): AuditCheck[] => {
    const sum = tableA1.rows.filter((row) => row.domain === domain).reduce((all, row) => all + row.samples, 0);
    const printed = tableA1.totals[domain];
    return [
      {
        table: 'A1',
        cell: `Total ${domain}, samples`,
        rule: 'sum',
        printed: grouped(printed.samples),
        computed: grouped(sum),
        verdict: sum === printed.samples ? 'agrees' : 'disagrees',
        explanation: sum === printed.samples ? '' : `off by ${grouped(printed.samples - sum)}`,
      },
      percentCheck(`Total ${domain}`, sum, printed.percent),
    ];
  });
  const rows = tableA1.rows.map((row) => percentCheck(row.name, row.samples, row.percent));
  return [...rows, ...domains, ...(claims ? [generalShare(tableA1, claims.generalPercent, total)] : [])];
}

function generalShare({ rows }: PaperTables['tableA1'], claimed: number, total: number): AuditCheck {
  const general = rows.filter(({ domain }) => domain === 'general').reduce((sum, row) => sum + row.samples, 0);
  const percent = (100 * general) / total;
  return {
    table: 'text',
    cell: 'A.3, share of general-domain data',
    rule: 'statement',
    printed: `${claimed}%`,
    computed: `${percent.toFixed(2)}% (medical ${(100 - percent).toFixed(2)}%)`,
    verdict: printsAs(percent, claimed, 0) ? 'agrees' : printsAs(percent, claimed, -1) ? 'rounding' : 'disagrees',
    explanation: printsAs(percent, claimed, 0) ? '' : 'a figure to the nearest ten percent',
  };
}
