import { extname } from 'node:path';
import { writeFileAtomic } from '../files';
import type { Figure } from './figure';
import { svgToPdf } from './pdf';
import { svgToPng } from './png';
import { drawSvg } from './svg';

const FORMATS: Readonly<Record<string, (figure: Figure, svg: string) => string | Promise<Buffer>>> = {
  '.svg': (_, svg) => svg,
  '.png': (_, svg) => svgToPng(svg),
  '.pdf': ({ title }, svg) => svgToPdf(svg, title),
  '.json': (figure) => `${JSON.stringify(figure, null, 2)}\n`,
};

/** The formats that `saveFigure` knows, as file name extensions. */
const FIGURE_FORMATS: readonly string[] = Object.keys(FORMATS);

/**
 * Writes a figure in the format that the path's extension names: .svg, .png (2 pixels for one), .pdf (vectors) or .json
 * (the Plotly figure). No browser is needed.
 *
 * @throws on another extension
 */
export async function saveFigure(figure: Figure, path: string): Promise<void> {
  const format = FORMATS[extname(path).toLowerCase()];
  if (!format) {
    throw new Error(
      `save figure: ${path} must end in one of ${FIGURE_FORMATS.join(', ')}; choose one of these formats`,
    );
  }
  await writeFileAtomic(path, await format(figure, await drawSvg(figure)));
}
