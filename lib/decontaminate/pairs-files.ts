import { join } from 'node:path';
import { csvField, markdownText } from '../escape';
import { writeFileAtomic } from '../files';
import type { Decontamination, EvidencePair, FlagCount } from './record';
import { type DiffPart, wordDiff } from './word-diff';

/** Pairs written out with their differing words; pairs.csv has them all. */
const SHOWN = 500;

/** Writes pairs.csv and pairs.md into `out`. */
export async function writePairs(result: Decontamination, out: string): Promise<void> {
  await writeFileAtomic(join(out, 'pairs.csv'), pairsToCsv(result.pairs));
  await writeFileAtomic(join(out, 'pairs.md'), pairsToMarkdown(result));
}

const COLUMNS = [
  'itemId',
  'task',
  'subject',
  'rowId',
  'source',
  'copies',
  'rank',
  'cosine',
  'flagged',
  'exact',
  'sharedNgram',
  'itemText',
  'rowText',
] as const;

/** One line a pair, the nearest pairs first. */
export function pairsToCsv(pairs: readonly EvidencePair[]): string {
  const lines = nearestFirst(pairs).map((pair) =>
    COLUMNS.map((name) => {
      const value = pair[name];
      return csvField(
        typeof value === 'boolean'
          ? String(value)
          : name === 'cosine'
            ? pair.cosine.toFixed(6)
            : (value as string | number | null),
      );
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`;
}

const nearestFirst = (pairs: readonly EvidencePair[]): EvidencePair[] =>
  [...pairs].sort((a, b) => b.cosine - a.cosine || (a.itemId < b.itemId ? -1 : 1));

const share = ({ n, flagged, percent }: FlagCount): string => `${flagged} of ${n} (${percent.toFixed(1)} %)`;

/** What was found, for a reader: counts, the sweep, and each flagged item's nearest row with the differing words marked. */
export function pairsToMarkdown(result: Decontamination): string {
  const flagged = nearestFirst(result.pairs.filter((pair) => pair.flagged && pair.rank === 1));
  const { truncation } = result;
  const lines = [
    '# Evaluation items near to training rows',
    '',
    'Research only, not for clinical decisions.',
    '',
    `Detector: ${markdownText(result.method)}, threshold ${result.threshold}, view ${result.view}.`,
    ...(result.notice ? ['', `**${markdownText(result.notice)}**`] : []),
    '',
    `${share(result.total)} items flagged; ${result.trainingRows} training rows, ${result.trainingTexts} different texts.`,
    ...(truncation
      ? [
          `The encoder did not read to the end: ${truncation.evaluation.percent.toFixed(1)} % of the items, ` +
            `${truncation.training.percent.toFixed(1)} % of the training texts.`,
        ]
      : []),
    '',
    '| task | subject | items | flagged | % |',
    '|---|---|---:|---:|---:|',
    ...result.tasks.map(
      (t) =>
        `| ${markdownText(t.task)} | ${markdownText(t.subject ?? '')} | ${t.n} | ${t.flagged} | ${t.percent.toFixed(1)} |`,
    ),
    '',
    '| cosine above | flagged | % |',
    '|---:|---:|---:|',
    ...result.sweep.map((row) => `| ${row.threshold} | ${row.flagged} | ${row.percent.toFixed(1)} |`),
    '',
    '| second opinion | flagged | also flagged above | cannot match |',
    '|---|---:|---:|---:|',
    ...result.secondOpinions.map((o) => `| ${o.method} | ${share(o.total)} | ${o.alsoFlagged} | ${o.cannotMatch} |`),
    ...truthLines(result),
    '',
    '## Pairs',
    '',
    'Each flagged item with its nearest training text; **bold** words stand in one of the two alone.',
    flagged.length > SHOWN ? `The nearest ${SHOWN} of ${flagged.length}; pairs.csv has all.` : '',
    ...flagged.slice(0, SHOWN).flatMap(pairLines),
  ];
  return `${lines.join('\n')}\n`;
}

function truthLines({ truth, secondOpinions }: Decontamination): string[] {
  if (!truth) return [];
  const number = (value: number | null) => (value === null ? '' : value.toFixed(3));
  const rows = [
    ...truth.map((row) => ({ name: `cosine above ${row.threshold}`, score: row })),
    ...secondOpinions.flatMap(({ method, truth: score }) => (score ? [{ name: method as string, score }] : [])),
  ];
  return [
    '',
    'Against the planted pairs (same topic only is not contamination):',
    '',
    '| detector | precision | but for items taught in other words | recall | exact | reworded | same topic | other clean items | of them taught in other words |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...rows.map(({ name, score }) => {
      const kinds = score.kinds.map((kind) => `${kind.flagged} of ${kind.items}`).join(' | ');
      return `| ${name} | ${number(score.precision)} | ${number(score.precisionUntaught)} | ${number(score.recall)} | ${kinds} | ${score.falseOther} | ${score.falseTaught} |`;
    }),
  ];
}

function pairLines(pair: EvidencePair): string[] {
  const [ofItem, ofRow] = wordDiff(pair.itemText, pair.rowText);
  const marked = (parts: readonly DiffPart[]) =>
    parts.map(({ text, shared }) => (shared ? markdownText(text) : `**${markdownText(text)}**`)).join(' ');
  const others = [
    pair.exact ? 'the same text' : '',
    pair.sharedNgram === null ? '' : 'share 13 words in a row',
    pair.copies > 1 ? `${pair.copies} rows with this text` : '',
  ].filter((note) => note !== '');
  const [item, row, source] = [pair.itemId, pair.rowId, pair.source].map(markdownText);
  return [
    '',
    `### ${pair.cosine.toFixed(4)} · ${item} · ${row} (${source})${others.length > 0 ? ` · ${others.join(', ')}` : ''}`,
    '',
    `Item: ${marked(ofItem)}`,
    '',
    `Row: ${marked(ofRow)}`,
  ];
}
