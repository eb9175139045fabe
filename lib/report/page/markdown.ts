import { markdownText } from '../../escape';
import type { ReportParts } from '../parts';
import { tableToMarkdown } from '../table-formats';
import { TITLE, WARNING } from './html';

/** report.md: the answer, table 1, the price, and where the rest is. */
export function reportMarkdown({ record, findings, tables }: ReportParts): string {
  const { model, data, device } = record.subject;
  const table = (key: string) => tables.filter((one) => one.key === key).map((one) => tableToMarkdown(one).trimEnd());
  return `${[
    `# ${TITLE}`,
    `**${WARNING}**`,
    markdownText(`${model} · ${data} · ${device} · preset ${record.preset}`),
    ...findings.answer.map(markdownText),
    ...findings.checks.map((check) => `- ${markdownText(check)}`),
    ...(record.notes ?? []).map((note) => `- ${markdownText(note)}`),
    '![Figure 1](figures/figure-1.svg)',
    ...table('table-1'),
    ...table('cost'),
    'Everything else is in report.html, which opens in any browser without a network; tables/ holds each table as CSV and JSON, figures/ each figure as SVG and PNG.',
  ].join('\n\n')}\n`;
}
