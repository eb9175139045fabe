import type { Figure } from '../../draw/figure';
import { markdownText } from '../../escape';
import { isTable, type ReportParts } from '../parts';
import type { Table } from '../table';
import { tableToMarkdown } from '../table-formats';
import { TITLE, WARNING } from './html';

/** report.md: the parts of the section list that have Markdown, and where the rest is. */
export function reportMarkdown({ sections, ...inputs }: ReportParts): string {
  const { subject, preset } = inputs.record;
  const parts = sections.flatMap((section) => section.parts);
  return `${[
    `# ${TITLE}`,
    `**${WARNING}**`,
    markdownText(`${subject.model} · ${subject.data} · ${subject.device} · preset ${preset}`),
    ...parts
      .map(({ made, markdown }) => markdown?.(inputs, made.map(drawn).join('\n\n')) ?? '')
      .filter((one) => one !== ''),
    'Everything else is in report.html, which opens in any browser without a network; tables/ holds each table as CSV and JSON, figures/ each figure as SVG and PNG.',
  ].join('\n\n')}\n`;
}

function drawn(one: Table | Figure): string {
  if (isTable(one)) return tableToMarkdown(one).trimEnd();
  return `![${one.key.charAt(0).toUpperCase()}${one.key.slice(1).replaceAll('-', ' ')}](figures/${one.key}.svg)`;
}
