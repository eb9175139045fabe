import type { RunRecord } from '../../compare/run-record';
import { TOTALS } from '../../paper/table-a1';
import { numberText, type Table } from '../table';

/** The paper's table A1 with the rows that this run drew; for a mixture of its own, the sources and their rows. */
export function tableA1({ mixture, standIns, packing }: RunRecord): Table {
  const { rows, domains, missing, total } = mixture;
  const packed =
    `Packed “${packing.packing}”: ${packing.samples} samples in ${packing.chunks} chunks of ${packing.maxSeqLen} tokens, ` +
    `${(100 * packing.fillRate).toFixed(1)}% filled; ${numberText(packing.lossTokens, 0)} of ${numberText(packing.tokens, 0)} tokens carry loss; ` +
    `${packing.samplesSplit} samples cut at a chunk’s edge; ${packing.zeroLoss} without a response token, left out.`;
  if (domains === null) {
    return {
      key: 'table-a1',
      title: 'The training mixture',
      columns: [
        { key: 'source', label: 'Source' },
        { key: 'available', label: 'rows there' },
        { key: 'rows', label: 'rows drawn' },
        { key: 'percent', label: '%', digits: 2 },
        { key: 'wanted_percent', label: 'wanted %', digits: 2 },
      ],
      rows: [
        ...rows.map(({ name, available, drawn, drawnPercent, targetPercent }) => ({
          level: 'part' as const,
          cells: [name, available, drawn, drawnPercent, targetPercent],
        })),
        { level: 'whole', cells: ['Total', rows.reduce((sum, { available }) => sum + available, 0), total, 100, 100] },
      ],
      notes: [
        mixture.shares === 'all'
          ? 'All sources in proportion to their rows: these rows are not of table A1’s sets.'
          : 'Shares as the settings give them.',
        ...(missing.length > 0 ? [`Not there, so that their share went to the others: ${missing.join(', ')}.`] : []),
        packed,
      ],
    };
  }
  const domain = (name: 'medical' | 'general') => ({
    level: 'whole' as const,
    cells: [
      name === 'medical' ? 'Medical domain' : 'General domain',
      domains[name].drawn,
      domains[name].drawnPercent,
      domains[name].drawnPercent - domains[name].paperPercent,
      null,
      TOTALS[name].samples,
      TOTALS[name].percent,
    ],
  });
  const own = (name: 'medical' | 'general') =>
    rows
      .filter((row) => row.domain === name)
      .map((row) => ({
        level: 'part' as const,
        cells: [
          row.name,
          row.drawn,
          row.drawnPercent,
          row.deviation,
          row.standInRows,
          row.paperSamples,
          row.paperPercent,
        ],
      }));
  const notes = [...new Set(standIns.map(({ note }) => note))];
  return {
    key: 'table-a1',
    title: 'Table A1. The training mixture, this run beside the paper',
    columns: [
      { key: 'dataset', label: 'Dataset' },
      { key: 'rows', label: 'rows', group: 'This run' },
      { key: 'percent', label: '%', group: 'This run', digits: 2 },
      { key: 'deviation', label: 'points off the paper’s', group: 'This run', digits: 2, signed: true },
      { key: 'stand_in_rows', label: 'of them stand-ins', group: 'This run' },
      { key: 'paper_samples', label: 'samples', group: 'Paper' },
      { key: 'paper_percent', label: '%', group: 'Paper', digits: 2 },
    ],
    rows: [
      domain('medical'),
      ...own('medical'),
      domain('general'),
      ...own('general'),
      { level: 'whole', cells: ['Total', total, 100, 0, null, TOTALS.all.samples, TOTALS.all.percent] },
    ],
    notes: [
      'Shares are of rows, as the paper’s are. The paper calls its 58.17 : 41.83 split 60 : 40.',
      ...(missing.length > 0 ? [`Not there, so that their share went to the others: ${missing.join(', ')}.`] : []),
      ...(notes.length > 0 && notes.length <= 6 ? [`Stand-ins: ${notes.join('; ')}.`] : []),
      ...(notes.length > 6
        ? [`Stand-ins: ${notes.slice(0, 2).join('; ')}; and so on for ${notes.length} sources.`]
        : []),
      packed,
    ],
  };
}
