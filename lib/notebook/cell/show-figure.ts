import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Figure } from '../../draw/figure';
import { drawSvg } from '../../draw/svg';
import { currentOutputs } from '../kernel/output';
import { show } from './show';

let shown = 0;

/**
 * Shows a figure under the cell. In Jupyter it can be zoomed and read out: the first figure brings Plotly along, once
 * for the notebook and without the network. A saved notebook has a drawing beside the data, for where nothing runs.
 *
 * @throws when Plotly cannot draw the figure
 */
export async function showFigure(figure: Figure): Promise<void> {
  const outputs = currentOutputs();
  const { data, layout, description } = figure;
  const svg = await drawSvg(figure);
  const still = {
    'application/vnd.plotly.v1+json': { data, layout },
    'image/svg+xml': svg,
    'text/plain': description,
  };
  const bundle = outputs?.live ? { ...still, 'text/html': figureHtml(figure, svg) } : still;
  show(bundle);
}

/** The picture, and a script that puts the living figure in its place once Plotly is there. */
function figureHtml({ data, layout }: Figure, svg: string): string {
  const json = JSON.stringify({ data, layout }).replaceAll('<', '\\u003c');
  const id = `med42-${createHash('sha256').update(json).digest('hex').slice(0, 12)}-${++shown}`;
  // A script runs before its output stands in the page: it looks for its place until it is there.
  return `<div id="${id}">${svg}</div>
<script>(() => {
  ${shown === 1 ? plotlyScript() : ''}
  const { data, layout } = ${json};
  const find = (tries) => {
    const place = document.getElementById("${id}");
    if (!place) { if (tries > 0) setTimeout(find, 50, tries - 1); return; }
    window.med42Plotly?.then((Plotly) => {
      place.replaceChildren();
      return Plotly.newPlot(place, data, layout, { displaylogo: false });
    });
  };
  find(200);
})()</script>`;
}

/** Plotly, packed, as a promise on the window. Unpacked as a CommonJS module, so that it touches no loader of the page. */
function plotlyScript(): string {
  const file = createRequire(join(__dirname, 'show-figure.js')).resolve('plotly.js-dist-min');
  const packed = gzipSync(readFileSync(file)).toString('base64');
  return `window.med42Plotly ??= (async () => {
    const bytes = Uint8Array.from(atob("${packed}"), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const module = { exports: {} };
    new Function('module', 'exports', 'define', await new Response(stream).text())(module, module.exports, undefined);
    return module.exports;
  })();`;
}
