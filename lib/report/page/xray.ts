import { TOKEN_ROLES, type TokenView } from '../../data/token-xray';
import { escapeHtml } from '../../escape';
import { ROLE_STYLE } from '../figures/token-xray';

/** A chunk as text: a line for each run of tokens of one sample and role. */
export function xrayText(tokens: readonly TokenView[]): string {
  const lines: { readonly key: string; readonly head: string; text: string }[] = [];
  for (const [i, token] of tokens.entries()) {
    const key = `${token.sample} ${token.role}`;
    const last = token.at > (tokens[i - 1]?.at ?? -1) ? lines.at(-1) : undefined;
    if (last?.key === key) last.text += token.text;
    else {
      const owner = token.source === null ? '' : `${token.source} ${token.sampleId}`;
      lines.push({ key, head: `${String(token.at).padStart(4)}  ${owner}  ${token.role}`, text: token.text });
    }
  }
  return lines.map(({ head, text }) => `${head}  ${JSON.stringify(text)}`).join('\n');
}

/**
 * A chunk as its text, token by token: coloured by role, underlined where learnt, a bar before each sample with its source.
 * Pointing at a token tells its place, id, position and what it may attend to. Nothing of a row becomes HTML.
 */
export function xrayHtml(tokens: readonly TokenView[]): string {
  const roles = TOKEN_ROLES.filter((role) => tokens.some((token) => token.role === role));
  const legend = roles.map((role) => span(ROLE_STYLE[role].colour, false, ROLE_STYLE[role].words, '')).join(' ');
  const body = pieces(tokens)
    .map((piece) => `${piece[0]!.sample >= 0 ? pieceHtml(piece) : ''}${piece.map(tokenHtml).join('')}`)
    .join('');
  return `<div style="color:#000;background:#fff;padding:6px;font:13px/1.9 monospace;white-space:pre-wrap;overflow-wrap:anywhere">${legend} ${span('#fff', true, 'learnt', '')}
<div>${body}</div></div>`;
}

/** Neighbouring tokens of one sample in one chunk: a place that is not further on is another chunk's. */
function pieces(tokens: readonly TokenView[]): TokenView[][] {
  const found: TokenView[][] = [];
  for (const token of tokens) {
    const before = found.at(-1)?.at(-1);
    if (before && before.sample === token.sample && before.at < token.at) found.at(-1)!.push(token);
    else found.push([token]);
  }
  return found;
}

function pieceHtml(piece: readonly TokenView[]): string {
  const { source, sampleId, at } = piece[0]!;
  const learned = piece.filter((token) => token.learned).length;
  const label = `${source} · ${sampleId} · ${piece.length} tokens from place ${at} of the chunk, ${learned} learnt`;
  return `<div style="border-top:2px solid #333;margin-top:4px;font-family:sans-serif;font-size:11px">${escapeHtml(label)}</div>`;
}

/** White space that would not be seen is drawn. */
const visible = (text: string): string => text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll(' ', '·');

function tokenHtml(token: TokenView): string {
  const { at, id, role, learned, position, attendsFrom, text } = token;
  const attends = role === 'padding' ? 'attended to by nobody' : `may attend to ${attendsFrom} to ${at}`;
  const title = `place ${at}, token ${id}, ${ROLE_STYLE[role].words}, ${learned ? 'learnt' : 'not learnt'}, position ${position}, ${attends}`;
  return span(ROLE_STYLE[role].colour, learned, text === '' ? '▯' : visible(text), title);
}

const span = (colour: string, learned: boolean, text: string, title: string): string =>
  `<span${title === '' ? '' : ` title="${escapeHtml(title)}"`} style="background:${colour};border:1px solid #999` +
  `${learned ? ';border-bottom:3px solid #000' : ''}">${escapeHtml(text)}</span>`;
