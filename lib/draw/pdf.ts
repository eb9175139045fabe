import { type PdfPattern, pdfFile } from './pdf-file';
import { fontOptions } from './png';

/** [a b c d e f], as SVG and PDF write it. */
type Matrix = readonly [number, number, number, number, number, number];
type Attributes = Readonly<Record<string, string>>;

interface Element {
  readonly tag: string;
  readonly attributes: Attributes;
  readonly children: Element[];
}

/** A CSS pixel in points. */
const POINT = 0.75;
const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];

/** What is read of each element; another attribute would change the picture and is refused. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  svg: ['width', 'height', 'viewBox', 'xmlns'],
  defs: [],
  g: ['id', 'transform', 'clip-path'],
  clipPath: ['id'],
  pattern: ['id', 'x', 'y', 'width', 'height', 'patternUnits', 'patternTransform'],
  path: [
    ...[
      'id',
      'd',
      'fill',
      'stroke',
      'fill-opacity',
      'stroke-opacity',
      'fill-rule',
      'stroke-width',
      'stroke-miterlimit',
    ],
    ...['stroke-dasharray', 'stroke-dashoffset', 'stroke-linecap', 'stroke-linejoin', 'shape-rendering', 'transform'],
  ],
};

/**
 * An SVG figure as a PDF of vectors, without a browser: resvg makes everything a path, letters too, and the paths are
 * written as PDF. The text is therefore drawn, not searchable.
 *
 * @param title of the document
 * @throws on what the figures here do not have: gradients, images, masks, filters, opacity of groups
 */
export async function svgToPdf(svg: string, title: string): Promise<Buffer> {
  const { Resvg } = await import('@resvg/resvg-js');
  const root = parse(new Resvg(svg, { font: fontOptions() }).toString());
  const [width, height] = [Number(root.attributes.width), Number(root.attributes.height)];
  const patterns: PdfPattern[] = [];
  const opacities: (readonly [number, number])[] = [];
  const byId = new Map(
    root.children
      .filter(({ tag }) => tag === 'defs')
      .flatMap(({ children }) => children.map((one) => [one.attributes.id!, one])),
  );

  const paint = (path: Attributes, at: Matrix): string => {
    const shape = operators(path.d!);
    const fill = path.fill !== 'none' && hasArea(path.d!) ? (path.fill ?? '#000000') : null;
    const stroke = path.stroke === undefined || path.stroke === 'none' ? null : path.stroke;
    if (fill === null && stroke === null) return '';
    const alpha = [Number(path['fill-opacity'] ?? 1), Number(path['stroke-opacity'] ?? 1)] as const;
    if ((fill === null || alpha[0] === 0) && (stroke === null || alpha[1] === 0)) return '';
    const evenOdd = path['fill-rule'] === 'evenodd' ? '*' : '';
    const operator = fill === null ? 'S' : stroke === null ? `f${evenOdd}` : `B${evenOdd}`;
    return `${state(alpha)}${fill === null ? '' : filled(fill, at)}${stroke === null ? '' : stroked(path, stroke)}${shape}${operator}\n`;
  };
  const state = (alpha: readonly [number, number]): string => {
    const known = opacities.findIndex(([a, b]) => a === alpha[0] && b === alpha[1]);
    return `/G${known >= 0 ? known : opacities.push(alpha) - 1} gs\n`;
  };
  const filled = (fill: string, at: Matrix): string => {
    const id = /^url\(#(.*)\)$/.exec(fill)?.[1];
    if (id === undefined) return `${colour(fill)} rg\n`;
    const { attributes, children } = byId.get(id)!;
    const matrix = times(
      times([1, 0, 0, 1, Number(attributes.x), Number(attributes.y)], matrixOf(attributes.patternTransform)),
      at,
    );
    const content = children.map((child) => paintFlat(child.attributes)).join('');
    const pattern = {
      content,
      width: Number(attributes.width),
      height: Number(attributes.height),
      matrix: matrix.map(short),
    };
    const known = patterns.findIndex((one) => JSON.stringify(one) === JSON.stringify(pattern));
    return `/Pattern cs /P${known >= 0 ? known : patterns.push(pattern) - 1} scn\n`;
  };
  const draw = ({ tag, attributes, children }: Element, at: Matrix): string => {
    if (tag === 'defs') return '';
    const own = matrixOf(attributes.transform);
    const inside = times(own, at);
    const clip = /^url\(#(.*)\)$/.exec(attributes['clip-path'] ?? '')?.[1];
    const clipped =
      clip === undefined
        ? ''
        : `${byId
            .get(clip)!
            .children.map((one) => operators(one.attributes.d!))
            .join('')}W n\n`;
    const body = tag === 'path' ? paint(attributes, inside) : children.map((child) => draw(child, inside)).join('');
    if (body === '') return '';
    if (own === IDENTITY && clip === undefined && tag === 'g') return body;
    return `q\n${own === IDENTITY ? '' : `${own.map(short).join(' ')} cm\n`}${clipped}${body}Q\n`;
  };

  const page: Matrix = [POINT, 0, 0, -POINT, 0, height * POINT];
  const body = root.children.map((child) => draw(child, page)).join('');
  const content = `${page.join(' ')} cm\n${body}`;
  return pdfFile({ width: width * POINT, height: height * POINT, content, patterns, opacities, title });
}

/** A path inside a pattern's cell: plain colours only. */
function paintFlat(path: Attributes): string {
  const fill = path.fill !== 'none' && hasArea(path.d!) ? `${colour(path.fill ?? '#000000')} rg\n` : '';
  const stroke = path.stroke && path.stroke !== 'none' ? stroked(path, path.stroke) : '';
  if (fill === '' && stroke === '') return '';
  return `${fill}${stroke}${operators(path.d!)}${fill === '' ? 'S' : stroke === '' ? 'f' : 'B'}\n`;
}

function stroked(path: Attributes, stroke: string): string {
  const numbers = (path['stroke-dasharray'] ?? '').split(/[\s,]+/).filter((one) => one !== '' && one !== 'none');
  const cap = { butt: 0, round: 1, square: 2 }[path['stroke-linecap'] ?? 'butt'] ?? 0;
  const join = { miter: 0, round: 1, bevel: 2 }[path['stroke-linejoin'] ?? 'miter'] ?? 0;
  return (
    `${colour(stroke)} RG ${path['stroke-width'] ?? 1} w ${cap} J ${join} j ${Math.max(1, Number(path['stroke-miterlimit'] ?? 4))} M ` +
    `[${numbers.join(' ')}] ${path['stroke-dashoffset'] ?? 0} d\n`
  );
}

function colour(hex: string): string {
  const match = /^#(..)(..)(..)$/.exec(hex);
  if (!match) throw new Error(`pdf: a colour must be #rrggbb, got ${hex}; draw the figure without it`);
  return match
    .slice(1)
    .map((part) => short(Number.parseInt(part, 16) / 255))
    .join(' ');
}

const short = (value: number): number => Number(value.toFixed(4));

/** A path's data, which resvg writes as absolute M, L, Q, C and Z, in PDF's operators. */
function operators(data: string): string {
  let [x, y] = [0, 0];
  return segments(data)
    .map(([command, numbers]) => {
      const n = numbers;
      const end = [n.at(-2) ?? x, n.at(-1) ?? y] as const;
      const from = [x, y] as const;
      [x, y] = end;
      if (command === 'Z') return 'h\n';
      if (command === 'M') return `${n.join(' ')} m\n`;
      if (command === 'L') return `${n.join(' ')} l\n`;
      if (command === 'C') return `${n.join(' ')} c\n`;
      // A quadratic curve as the cubic that is the same.
      const towards = (point: readonly [number, number]) =>
        [0, 1].map((i) => short(point[i]! + (2 / 3) * (n[i]! - point[i]!)));
      return `${[...towards(from), ...towards(end), ...end].join(' ')} c\n`;
    })
    .join('');
}

function segments(data: string): [string, number[]][] {
  return [...data.matchAll(/([A-Za-z])([^A-Za-z]*)/g)].map(([, command, list]) => {
    if (!/^[MLQCZ]$/.test(command!)) throw new Error(`pdf: path command ${command} is not known here`);
    return [
      command!,
      list!
        .split(/[\s,]+/)
        .filter((one) => one !== '')
        .map(Number),
    ];
  });
}

/** Lines alone have none, and PDF would draw a hair where SVG fills nothing. */
function hasArea(data: string): boolean {
  return data.split('M').some((part) => /[CQ]/.test(part) || (part.match(/L/g) ?? []).length > 1);
}

/** `first`, then `second`. */
function times([a, b, c, d, e, f]: Matrix, [g, h, i, j, k, l]: Matrix): Matrix {
  return [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l];
}

function matrixOf(text: string | undefined): Matrix {
  if (text === undefined) return IDENTITY;
  const numbers = /^matrix\(([^)]*)\)$/
    .exec(text)?.[1]
    ?.split(/[\s,]+/)
    .map(Number);
  if (numbers?.length !== 6) throw new Error(`pdf: a transform must be a matrix, got ${text}`);
  return numbers as unknown as Matrix;
}

/** The tree of resvg's SVG, which has elements and quoted attributes alone. */
function parse(svg: string): Element {
  const root: Element = { tag: '', attributes: {}, children: [] };
  const open = [root];
  for (const [, close, tag, list, selfClosed] of svg.matchAll(/<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g)) {
    if (close) {
      open.pop();
      continue;
    }
    const attributes = Object.fromEntries(
      [...list!.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
    );
    const strange = KNOWN[tag!] ? Object.keys(attributes).find((name) => !KNOWN[tag!]!.includes(name)) : '';
    if (strange !== undefined) {
      throw new Error(
        `pdf: cannot write <${tag}${strange === '' ? '' : ` ${strange}`}>; save the figure as SVG or PNG`,
      );
    }
    const element = { tag: tag!, attributes, children: [] };
    open.at(-1)!.children.push(element);
    if (!selfClosed) open.push(element);
  }
  return root.children[0]!;
}
