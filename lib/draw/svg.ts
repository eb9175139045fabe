import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import type { Window } from 'happy-dom';
import { plainText } from '../escape';
import { createRandom, type Random } from '../random';
import type { Figure } from './figure';
import { measureTexts } from './text-box';

/** What we call of Plotly. */
interface Plotly {
  newPlot(element: object, data: unknown, layout: unknown, config: object): Promise<object>;
  toImage(
    element: object,
    options: { format: 'svg'; width: number; height: number; imageDataOnly: true },
  ): Promise<string>;
  purge(element: object): void;
}

interface Drawer {
  readonly plotly: Plotly;
  readonly window: Window;
  /** Where Plotly's ids come from: set anew for each figure. */
  readonly dice: { random: Random };
}

/** The browser names that Plotly's bundle uses unasked; it is given ours as arguments, and the process's globals stay as they are. */
const BROWSER_NAMES = [
  'document',
  'navigator',
  'location',
  'DOMParser',
  'XMLSerializer',
  'Blob',
  'Image',
  'URL',
  'Node',
  'Element',
  'HTMLElement',
  'SVGElement',
  'Event',
  'CustomEvent',
  'MouseEvent',
  'MutationObserver',
  'ResizeObserver',
  'getComputedStyle',
  'requestAnimationFrame',
  'cancelAnimationFrame',
] as const;

let drawer: Promise<Drawer> | undefined;
/** Figures are drawn one after the other: they share the dice. */
let last: Promise<unknown> = Promise.resolve();

/**
 * A figure as SVG text, drawn by Plotly in a document of our own: no browser, no network, no global touched.
 * The same figure gives the same bytes, in any order of drawing: ids, random in Plotly, follow from the figure itself,
 * so two figures in one page do not share them either.
 *
 * Text is measured by a table of one wide font, see text-size.ts. The first call loads Plotly, about a second.
 * @throws when Plotly cannot draw the figure
 */
export function drawSvg(figure: Figure): Promise<string> {
  const drawn = last.then(() => draw(figure));
  last = drawn.catch(() => {});
  return drawn;
}

async function draw({ data, layout, description }: Figure): Promise<string> {
  drawer ??= load();
  const { plotly, window, dice } = await drawer;
  // Plotly writes defaults into what it is given: let that be a copy.
  const text = JSON.stringify({ data, layout });
  const copy = JSON.parse(text) as { data: unknown; layout: { title?: { text?: string } } };
  dice.random = createRandom(createHash('sha256').update(text).digest().readUInt32LE(), 'plotly-ids');
  const element = window.document.createElement('div');
  window.document.body.appendChild(element);
  try {
    await plotly.newPlot(element, copy.data, copy.layout, { staticPlot: true });
    const { width, height } = layout;
    const svg = await plotly.toImage(element, { format: 'svg', width, height, imageDataOnly: true });
    return `${accessible(svg, description)}\n`;
  } finally {
    plotly.purge(element);
    element.remove();
  }
}

/** Says the figure in words inside the picture. */
function accessible(svg: string, description: string): string {
  const words = plainText(description).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return svg.replace(
    /^<svg ([^>]*)>/,
    (_, attributes: string) => `<svg ${attributes} role="img"><desc>${words}</desc>`,
  );
}

async function load(): Promise<Drawer> {
  const { Window } = await import('happy-dom');
  const window = new Window({ width: 1600, height: 1200 });
  measureTexts(window);
  const dice = { random: createRandom(0) };
  const ourMath = Object.create(Math, { random: { value: () => dice.random.next() } }) as Math;
  const path = createRequire(join(__dirname, 'svg.js')).resolve('plotly.js-dist-min');
  const values: Record<string, unknown> = {
    window,
    self: window,
    global: window,
    globalThis: window,
    Math: ourMath,
    module: { exports: {} },
  };
  for (const name of BROWSER_NAMES) {
    const value: unknown = window[name];
    const isPlainFunction = typeof value === 'function' && /^[a-z]/.test(name);
    values[name] = isPlainFunction ? (value as (...args: unknown[]) => unknown).bind(window) : value;
  }
  const run = compileFunction(readFileSync(path, 'utf8'), Object.keys(values), { filename: 'plotly.js' });
  run.call(window, ...Object.values(values));
  return { plotly: (values.module as { exports: Plotly }).exports, window, dice };
}
