import { type Decontamination, type EvidencePair, isLeftOut } from '../../decontaminate/record';
import { type DiffPart, wordDiff } from '../../decontaminate/word-diff';
import type { Figure } from '../../draw/figure';
import { textWidth } from '../../draw/text-size';
import { plotlyText } from '../../escape';
import { FIGURE_WIDTH, FONT_SIZE, frame, GRID, INK, VERMILION, wrap } from './style';

const COLUMN = (FIGURE_WIDTH - 60) / 2;
const LINE = FONT_SIZE * 1.3;
/** A text longer than this many lines is cut in the figure; the page shows it whole. */
const MOST_LINES = 16;

/** The pairs worth a look: of each flagged item its nearest row, reworded ones before copies, nearest first. */
export function tellingPairs({ pairs }: Decontamination): EvidencePair[] {
  const best = pairs.filter(({ flagged, rank }) => flagged && rank === 1);
  return best.sort((a, b) => Number(a.exact) - Number(b.exact) || b.cosine - a.cosine);
}

/**
 * The paper's figure A.1: pairs of a training row and an evaluation item side by side. Words that the other side has not
 * are bold and coloured; of a record without texts the names are shown. Null when nothing is flagged.
 */
export function figureA1(detector: Decontamination, count = 2): Figure | null {
  const pairs = tellingPairs(detector).slice(0, count);
  if (pairs.length === 0) return null;
  const title = 'Figure A.1. Flagged pairs: training row and evaluation item';
  const blocks = pairs.map((pair) => {
    const [row, item] = sidesOf(pair);
    const head = `cosine ${pair.cosine.toFixed(3)} · ${pair.source} · ${pair.task}${pair.subject ? `, ${pair.subject}` : ''}`;
    return { head: wrap(head, FIGURE_WIDTH - 40, FONT_SIZE), row: setInLines(row), item: setInLines(item) };
  });
  const heights = blocks.map(({ head, row, item }) => (Math.max(row.length, item.length) + head.length) * LINE + 26);
  const plotHeight = Math.ceil(heights.reduce((a, b) => a + b, 24));
  const layout = frame({
    title,
    subject: { model: detector.method, data: `flagged above ${detector.threshold}`, device: `view “${detector.view}”` },
    note: howMarked(pairs, 'Bold and coloured'),
    plotHeight,
    legendRows: 0,
    left: 20,
    bare: true,
  });
  const at = (text: string, x: number, top: number) => ({
    text,
    align: 'left',
    showarrow: false,
    borderpad: 0,
    xref: 'paper',
    x: 0,
    xanchor: 'left',
    xshift: x,
    yref: 'paper',
    y: 1,
    yanchor: 'top',
    yshift: -top,
    font: { size: FONT_SIZE, color: INK },
  });
  let top = 24;
  const texts = blocks.flatMap(({ head, row, item }, i) => {
    const own = [
      at(head.map((line) => `<i>${plotlyText(line)}</i>`).join('<br>'), 0, top),
      at(row.join('<br>'), 0, top + head.length * LINE + 6),
      at(item.join('<br>'), COLUMN + 20, top + head.length * LINE + 6),
    ];
    top += heights[i]!;
    return own;
  });
  let line = 24;
  const rules = heights.map((height) => {
    line += height;
    const y = 1 - (line - 12) / plotHeight;
    return { type: 'line', xref: 'paper', yref: 'paper', x0: 0, x1: 1, y0: y, y1: y, line: { color: GRID, width: 1 } };
  });
  return {
    key: 'figure-a1',
    title,
    data: [],
    layout: {
      ...layout,
      annotations: [...layout.annotations, at('<b>Train</b>', 0, 0), at('<b>Evaluation</b>', COLUMN + 20, 0), ...texts],
      shapes: rules.slice(0, -1),
      xaxis: { visible: false, range: [0, 1] },
      yaxis: { visible: false, range: [0, 1] },
    },
    description: pairs
      .map(({ cosine, rowText, itemText }) => `Cosine ${cosine.toFixed(3)}. Train: ${rowText} Evaluation: ${itemText}`)
      .join(' '),
  };
}

/** Words into lines no wider than a column, marked where they differ. */
function setInLines(parts: readonly DiffPart[]): string[] {
  const lines: string[] = [];
  let line: string[] = [];
  let width = 0;
  for (const { text, shared } of parts) {
    for (const word of text.split(' ')) {
      const own = textWidth(`${word} `, FONT_SIZE, !shared);
      if (width + own > COLUMN && line.length > 0) {
        lines.push(line.join(' '));
        [line, width] = [[], 0];
      }
      const safe = plotlyText(word);
      line.push(shared ? safe : `<b><span style="color:${VERMILION}">${safe}</span></b>`);
      width += own;
    }
  }
  lines.push(line.join(' '));
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES - 1), '…'] : lines;
}

/** Words of a text that are shown. */
const MOST_SHOWN = 600;

/** What a figure of pairs says below its title. */
export const howMarked = (pairs: readonly EvidencePair[], mark: string): string =>
  pairs.every(isLeftOut)
    ? 'The record keeps the names of rows and items, not their texts.'
    : `${mark}: words that the other side has not, or not in this order.`;

/** Row and item of a pair, each in stretches that the other has and has not. */
export function sidesOf(pair: EvidencePair): readonly [readonly DiffPart[], readonly DiffPart[]] {
  const { rowText, itemText, rowId, itemId } = pair;
  if (isLeftOut(pair)) return [[{ text: rowId, shared: true }], [{ text: itemId, shared: true }]];
  return wordDiff(beginning(rowText), beginning(itemText));
}

function beginning(text: string): string {
  const words = text.split(/\s+/);
  return words.length > MOST_SHOWN ? `${words.slice(0, MOST_SHOWN).join(' ')} …` : text;
}
