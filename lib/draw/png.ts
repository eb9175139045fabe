import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ResvgRenderOptions } from '@resvg/resvg-js';
import { encodePng } from './encode-png';

const installed = createRequire(join(__dirname, 'png.js'));

/**
 * Text is set in DejaVu Sans from the package of that name, whatever fonts the machine has: the font that figures are
 * measured by, and the same picture everywhere. Without it a machine without fonts would draw no text at all.
 */
export function fontOptions(): NonNullable<ResvgRenderOptions['font']> {
  const file = (name: string) => installed.resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`);
  return {
    loadSystemFonts: false,
    fontFiles: ['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSans-Oblique'].map(file),
    defaultFontFamily: 'DejaVu Sans',
    sansSerifFamily: 'DejaVu Sans',
  };
}

/**
 * An SVG figure as PNG, on white.
 *
 * @param scale pixels for one of the SVG's; 2 prints well at the width of a page
 */
export async function svgToPng(svg: string, scale = 2): Promise<Buffer> {
  const { Resvg } = await import('@resvg/resvg-js');
  const image = new Resvg(svg, { fitTo: { mode: 'zoom', value: scale }, background: '#ffffff', font: fontOptions() });
  const { pixels, width, height } = image.render();
  return encodePng(pixels, width, height);
}
