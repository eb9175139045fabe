import { ASCENT, DESCENT, LINE_HEIGHT, textWidth } from './text-size';

/** The little of an element that measuring needs. */
interface SvgNode {
  readonly tagName: string;
  readonly textContent: string | null;
  readonly children: ArrayLike<SvgNode>;
  getAttribute(name: string): string | null;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The box of an SVG <text>, in the coordinates of its parent and before its own transform.
 *
 *         +---------------+  y - ascent
 *         | first line    |
 *     x,y +-- baseline ---+
 *         | second <tspan |  1.3 em below
 *         +---------------+
 */
function textBox(node: SvgNode): Box {
  const style = node.getAttribute('style') ?? '';
  const size = Number(/font-size:\s*([\d.]+)px/.exec(style)?.[1] ?? 12);
  const weight = /font-weight:\s*(\w+)/.exec(style)?.[1] ?? 'normal';
  const bold = weight === 'bold' || Number(weight) >= 600;
  const spans = Array.from(node.children).filter((child) => child.getAttribute('class')?.includes('line'));
  const lines = spans.length > 0 ? spans.map((span) => span.textContent ?? '') : [node.textContent ?? ''];
  const width = Math.max(...lines.map((line) => textWidth(line, size, bold)));
  const height = size * (ASCENT + DESCENT + (lines.length - 1) * LINE_HEIGHT);
  const anchor = node.getAttribute('text-anchor') ?? /text-anchor:\s*(\w+)/.exec(style)?.[1] ?? 'start';
  const before = anchor === 'middle' ? width / 2 : anchor === 'end' ? width : 0;
  const shift = Number.parseFloat(node.getAttribute('dy') ?? '0') * size;
  const at = (name: string) => Number(node.getAttribute(name) ?? 0);
  return { x: at('x') - before, y: at('y') + shift - ASCENT * size, width, height };
}

/**
 * The box around an element's texts, in its own coordinates; null where it holds none. Lines and bars are not counted:
 * Plotly knows where it put those, and asks only for what a font decides.
 */
export function textExtent(node: SvgNode): Box | null {
  if (node.tagName.toLowerCase() === 'text') return textBox(node);
  return Array.from(node.children).reduce<Box | null>((all, child) => {
    const box = textExtent(child);
    return box ? union(all, transformed(box, child.getAttribute('transform'))) : all;
  }, null);
}

/** The upright box around a box moved and turned as SVG's `transform` says. */
export function transformed(box: Box, transform: string | null): Box {
  const corners = [0, 1].flatMap((i) => [0, 1].map((j) => [box.x + i * box.width, box.y + j * box.height] as const));
  const steps = [...(transform ?? '').matchAll(/(translate|rotate|scale)\(([^)]*)\)/g)].reverse();
  const moved = corners.map((corner) =>
    steps.reduce<readonly [number, number]>(([x, y], [, kind, list]) => {
      const [a = 0, b, c = 0] = list!.split(/[\s,]+/).map(Number);
      if (kind === 'translate') return [x + a, y + (b ?? 0)];
      if (kind === 'scale') return [x * a, y * (b ?? a)];
      const [cos, sin] = [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)];
      const [dx, dy] = [x - (b ?? 0), y - c];
      return [(b ?? 0) + dx * cos - dy * sin, c + dx * sin + dy * cos];
    }, corner),
  );
  const xs = moved.map(([x]) => x);
  const ys = moved.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function union(a: Box | null, b: Box): Box {
  if (!a) return b;
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const right = Math.max(a.x + a.width, b.x + b.width);
  const bottom = Math.max(a.y + a.height, b.y + b.height);
  return { x, y, width: right - x, height: bottom - y };
}

/** Makes the window's SVG elements answer how large their texts are, before their own transform. */
export function measureTexts(
  window: { readonly [kind in 'SVGElement' | 'SVGGraphicsElement']: { prototype: object } },
): void {
  const none: Box = { x: 0, y: 0, width: 0, height: 0 };
  function getBBox(this: SvgNode): Box {
    return textExtent(this) ?? none;
  }
  function getBoundingClientRect(this: SvgNode) {
    const { x, y, width, height } = textExtent(this) ?? none;
    return { x, y, width, height, left: x, top: y, right: x + width, bottom: y + height };
  }
  for (const kind of [window.SVGElement, window.SVGGraphicsElement]) {
    Object.defineProperty(kind.prototype, 'getBBox', { value: getBBox, configurable: true });
    Object.defineProperty(kind.prototype, 'getBoundingClientRect', {
      value: getBoundingClientRect,
      configurable: true,
    });
  }
}
