import type { Decontamination, EvidencePair } from '../../decontaminate/record';
import type { DiffPart } from '../../decontaminate/word-diff';
import { htmlText } from '../../escape';
import { howMarked, sidesOf, tellingPairs } from '../figures/pairs';
import { detectorName } from '../tables/table-a2';

/** Flagged pairs side by side, the words marked that the other side has not, or not in this order; the first few shown, more to open. */
export function pairsHtml(detector: Decontamination, shown = 4, most = 40): string {
  const pairs = tellingPairs(detector);
  if (pairs.length === 0) return '<p>No item was flagged, so there is no pair to show (figure A.1).</p>';
  const rest = pairs.slice(shown, most);
  const left = pairs.length - shown - rest.length;
  const caption = `Figure A.1. Flagged pairs, ${detectorName(detector)}. ${howMarked(pairs, 'Marked')}`;
  return [
    table(caption, pairs.slice(0, shown)),
    rest.length > 0 ? `<details><summary>${rest.length} more flagged pairs</summary>${table('', rest)}</details>` : '',
    left > 0 ? `<p class="note">${left} further pairs are in decontamination.json.</p>` : '',
  ].join('\n');
}

function table(caption: string, pairs: readonly EvidencePair[]): string {
  const rows = pairs.map((pair) => {
    const [row, item] = sidesOf(pair);
    const place = [
      `cosine ${pair.cosine.toFixed(3)}`,
      ...(pair.exact ? ['same words'] : []),
      `${pair.source}, row ${pair.rowId}`,
      `${pair.task}, item ${pair.itemId}`,
    ];
    return [
      `<tr><th scope="rowgroup" colspan="2"><span class="ci">${htmlText(place.join(' · '))}</span></th></tr>`,
      `<tr><td>${marked(row)}</td><td>${marked(item)}</td></tr>`,
    ].join('\n');
  });
  return [
    '<figure class="table">',
    caption === '' ? '' : `<figcaption>${htmlText(caption)}</figcaption>`,
    '<div class="scroll" tabindex="0"><table class="pairs">',
    '<thead><tr><th scope="col">Train</th><th scope="col">Evaluation</th></tr></thead>',
    `<tbody>${rows.join('\n')}</tbody></table></div></figure>`,
  ].join('\n');
}

function marked(parts: readonly DiffPart[]): string {
  return parts.map(({ text, shared }) => (shared ? htmlText(text) : `<mark>${htmlText(text)}</mark>`)).join(' ');
}
