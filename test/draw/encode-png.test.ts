import { Resvg } from '@resvg/resvg-js';
import { expect, test } from 'vitest';
import { encodePng } from '../../lib/draw/encode-png';
import { svgToPng } from '../../lib/draw/png';

const pixelsOf = (png: Buffer, width: number, height: number) => {
  const href = `data:image/png;base64,${png.toString('base64')}`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><image href="${href}" width="${width}" height="${height}" image-rendering="optimizeSpeed"/></svg>`;
  return new Uint8Array(new Resvg(svg).render().pixels);
};

test('another program reads the pixels that were written', () => {
  const [width, height] = [7, 5];
  const rgba = Uint8Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : (37 * i) % 256));
  expect(pixelsOf(encodePng(rgba, width, height), width, height)).toEqual(rgba);
  expect(() => encodePng(rgba, 7, 6)).toThrow('png: 7 x 6 pixels take 168 bytes, got 140');
});

test('a drawing keeps its size and its text, in the font it was measured by', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><text x="2" y="15">Text</text></svg>';
  const png = await svgToPng(svg, 1);
  const pixels = pixelsOf(png, 60, 20);
  expect(pixels.some((value, i) => i % 4 === 0 && value < 64)).toBe(true);
  expect([...pixels.slice(0, 4)]).toEqual([255, 255, 255, 255]);
});
