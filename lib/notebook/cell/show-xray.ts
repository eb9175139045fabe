import type { TokenView } from '../../data/token-xray';
import { xrayHtml, xrayText } from '../../report/page/xray';
import { showHtml } from './show';

/**
 * Shows a chunk as its text, token by token: coloured by role, underlined where learnt, a bar before each sample with its
 * source. Pointing at a token tells its place, id, position and what it may attend to. Text is shown as it is: nothing of
 * a row becomes HTML.
 */
export function showXray(tokens: readonly TokenView[]): void {
  showHtml(xrayHtml(tokens), xrayText(tokens));
}
