import { markdownText } from '../../escape';
import { SUBSETS } from '../../paper/table-a1';
import { MIXTURE_FILE, MIXTURE_ROWS, type MixedFolder } from './mixed-folder';

const count = (n: number) => n.toLocaleString('en');

/**
 * The dataset card of a mixture, Markdown with the Hub's front matter: counts beside table A1's, what was mended and left
 * out, and every stand-in by name.
 *
 * Source: Hugging Face, dataset cards (README.md with YAML metadata).
 */
export function datasetCard(mixed: MixedFolder): string {
  const { report, seed, deficits, standIns, sources, blank } = mixed;
  const sum = (field: 'read' | 'empty' | 'duplicates' | 'html' | 'mojibake') =>
    sources.reduce((total, one) => total + one[field], 0);
  return [
    '---',
    'license: other',
    'language: en',
    'configs:',
    '  - config_name: default',
    `    data_files: ${MIXTURE_ROWS}`,
    '---',
    '# A training mixture',
    '',
    `${count(report.total)} rows in \`${MIXTURE_ROWS}\`, drawn with seed ${seed} ${RULES[report.shares]}.`,
    `All counts are in \`${MIXTURE_FILE}\`. Each source keeps its own licence: look at the source before you pass rows on.`,
    '',
    '## Counts',
    '',
    ...(report.shares === 'paper' ? paperTable(mixed) : ownTable(mixed)),
    '',
    ...(deficits.length > 0
      ? [
          '## Fewer rows than table A1 counts',
          '',
          ...deficits.map(
            ({ name, paperSamples, available, missing }) =>
              `- ${name}: ${available === 0 ? 'no row' : `${count(available)} rows`} of ${count(paperSamples)}, ${count(missing)} missing`,
          ),
          '',
        ]
      : []),
    '## Stand-ins',
    '',
    ...(standIns.length > 0
      ? standIns.map(({ subset, note, rows }) => `- ${nameOf(subset)}: ${note} (${count(rows)} of the drawn rows)`)
      : ['None: every row is of the set that its source names.']),
    '',
    '## Mended and left out',
    '',
    `Of ${count(sum('read') + blank + skippedOf(mixed))} rows read:`,
    '',
    `- ${count(blank + sum('empty'))} left out: the prompt or the response is empty`,
    `- ${count(sum('duplicates'))} left out: another row has the same texts`,
    ...Object.entries(mixed.skipped).map(([reason, rows]) => `- ${count(rows)} left out: ${reason}`),
    `- ${count(sum('html'))} mended: HTML became text`,
    `- ${count(sum('mojibake'))} mended: UTF-8 that had been read as Windows-1252`,
    '',
    '| source | read | empty | duplicates | HTML | mojibake | in the mixture |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...sources.map((one) => {
      const cells = [one.read, one.empty, one.duplicates, one.html, one.mojibake, one.written];
      return `| ${[markdownText(one.source), ...cells.map(count)].join(' | ')} |`;
    }),
    '',
    'Research only, not for clinical decisions.',
    '',
  ].join('\n');
}

const RULES = {
  paper: 'in the proportions of table A1 of the Med42 paper',
  all: 'from all sources in proportion to their rows',
  given: 'by shares given for each source',
} as const;

const nameOf = (subset: string): string => SUBSETS.find(({ key }) => key === subset)?.name ?? subset;

const skippedOf = ({ skipped }: MixedFolder): number => Object.values(skipped).reduce((a, b) => a + b, 0);

function paperTable({ report }: MixedFolder): string[] {
  return [
    '| subset | table A1 | available | drawn | % | table A1 % | stand-ins |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...SUBSETS.map(({ key, name, samples, percent }) => {
      const row = report.rows.find(({ subset }) => subset === key);
      const cells = [count(row?.available ?? 0), count(row?.drawn ?? 0), (row?.drawnPercent ?? 0).toFixed(2)];
      return `| ${[name, count(samples), ...cells, percent.toFixed(2), count(row?.standInRows ?? 0)].join(' | ')} |`;
    }),
  ];
}

function ownTable({ report }: MixedFolder): string[] {
  return [
    '| source | available | drawn | % | wanted % |',
    '|---|---:|---:|---:|---:|',
    ...report.rows.map(
      ({ name, available, drawn, drawnPercent, targetPercent }) =>
        `| ${[markdownText(name), count(available), count(drawn), drawnPercent.toFixed(2), targetPercent.toFixed(2)].join(' | ')} |`,
    ),
  ];
}
