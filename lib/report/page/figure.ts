import type { Figure } from '../../draw/figure';
import { htmlText } from '../../escape';
import { BLUE, GREY, GRID, INK, PAPER, QUIET, VERMILION } from '../figures/style';

const VARIABLES: readonly (readonly [string, string])[] = [
  [INK, '--fig-ink'],
  [QUIET, '--fig-quiet'],
  [GRID, '--fig-grid'],
  [PAPER, '--fig-paper'],
  [BLUE, '--fig-blue'],
  [VERMILION, '--fig-vermilion'],
  [GREY, '--fig-grey'],
];

/** The colours of a drawn figure as the page's variables, which differ between light and dark. */
export function themed(svg: string): string {
  return VARIABLES.reduce((text, [colour, variable]) => {
    const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    const written = `(?:rgb\\(${channels.join(', ?')}\\)|${colour})`;
    return text
      .replace(new RegExp(`(fill|stroke|color|background): ?${written}(?=[;"])`, 'gi'), `$1: var(${variable})`)
      .replace(new RegExp(`\\b(fill|stroke)="${written}"`, 'gi'), `style="$1: var(${variable})"`);
  }, svg);
}

/** A figure in the page: the drawing, which scrolls by itself where the page is narrow. */
export function figureHtml({ key, title }: Figure, svg: string): string {
  return [
    `<figure id="drawing-${htmlText(key)}">`,
    `<div class="drawing" tabindex="0" role="group" aria-label="${htmlText(title)}">${themed(svg).trim()}</div>`,
    '</figure>',
  ].join('\n');
}
