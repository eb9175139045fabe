import { type Box, textExtent, transformed } from '../../lib/draw/text-box';

/** A strict little XML reader: throws on anything that is not well-formed. */
export class SvgElement {
  readonly children: SvgElement[] = [];
  ownText = '';

  constructor(
    readonly tagName: string,
    readonly attributes: ReadonlyMap<string, string>,
  ) {}

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }

  get textContent(): string {
    return this.ownText + this.children.map((child) => child.textContent).join('');
  }

  /** Itself and all below, with the transforms from the root down to it (its own last) and whether a clip path bounds it. */
  *walk(transforms: readonly string[] = [], clipped = false): Generator<Placed> {
    const own = this.getAttribute('transform');
    const all = own === null ? transforms : [...transforms, own];
    const isClipped = clipped || this.attributes.has('clip-path');
    yield { element: this, transforms: all, clipped: isClipped };
    if (this.tagName !== 'defs') for (const child of this.children) yield* child.walk(all, isClipped);
  }
}

interface Placed {
  readonly element: SvgElement;
  readonly transforms: readonly string[];
  readonly clipped: boolean;
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  if (/[<>]/.test(text)) throw new Error(`stray < or > in '${text}'`);
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));|&/gi, (whole, decimal, hex, name) => {
    if (decimal || hex) return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16));
    const character = ENTITIES[name as string];
    if (character === undefined) throw new Error(`unknown entity ${whole} in '${text.slice(0, 80)}'`);
    return character;
  });
}

export function parseSvg(svg: string): SvgElement {
  const root = new SvgElement('#document', new Map());
  const open = [root];
  for (const [, tag, text] of svg.matchAll(/<([^>]*)>|([^<]+)/g)) {
    const parent = open.at(-1)!;
    if (text !== undefined) parent.ownText += decode(text);
    else if (tag!.startsWith('/')) {
      if (open.pop()!.tagName !== tag!.slice(1)) throw new Error(`</${tag!.slice(1)}> closes another element`);
    } else {
      const match = /^([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)$/.exec(tag!);
      if (!match) throw new Error(`not a tag: <${tag}>`);
      const attributes = new Map<string, string>();
      for (const [, name, value] of match[2]!.matchAll(/([\w:-]+)="([^"]*)"/g)) {
        if (attributes.has(name!)) throw new Error(`attribute ${name} twice in <${tag}>`);
        attributes.set(name!, decode(value!));
      }
      const element = new SvgElement(match[1]!, attributes);
      parent.children.push(element);
      if (match[3] === '') open.push(element);
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('not one closed root element');
  return root.children[0]!;
}

const placed = (box: Box, transforms: readonly string[]) => transforms.reduceRight(transformed, box);

/** Every text with its box on the page. */
export function textBoxes(svg: SvgElement): { text: string; box: Box }[] {
  return [...svg.walk()].flatMap(({ element, transforms }) => {
    if (element.tagName !== 'text' || element.textContent.trim() === '') return [];
    return [{ text: element.textContent, box: placed(textExtent(element)!, transforms) }];
  });
}

/** The box of every path and rectangle that no clip path bounds, on the page. */
export function shapeBoxes(svg: SvgElement): { name: string; box: Box }[] {
  return [...svg.walk()].flatMap(({ element, transforms, clipped }) => {
    const name = `${element.tagName} ${element.getAttribute('class') ?? ''}`;
    const number = (key: string) => Number(element.getAttribute(key) ?? 0);
    if (clipped) return [];
    if (element.tagName === 'rect') {
      const box = { x: number('x'), y: number('y'), width: number('width'), height: number('height') };
      return [{ name, box: placed(box, transforms) }];
    }
    const path = element.getAttribute('d');
    return element.tagName === 'path' && path ? [{ name, box: placed(pathBox(path), transforms) }] : [];
  });
}

/** Around the points a path visits; arcs by their ends. */
function pathBox(path: string): Box {
  let [x, y] = [0, 0];
  const xs: number[] = [];
  const ys: number[] = [];
  for (const [, command, list] of path.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    const numbers = (list!.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
    const size = { M: 2, L: 2, H: 1, V: 1, A: 7, Z: 0 }[command!.toUpperCase()];
    if (size === undefined) throw new Error(`path command ${command} is not known here`);
    const relative = command !== command!.toUpperCase();
    for (let i = 0; size > 0 && i + size <= numbers.length; i += size) {
      const [a, b] = size === 7 ? [numbers[i + 5]!, numbers[i + 6]!] : [numbers[i]!, numbers[i + 1]!];
      const letter = command!.toUpperCase();
      if (letter === 'V') y = relative ? y + a : a;
      else x = relative ? x + a : a;
      if (letter !== 'V' && letter !== 'H') y = relative ? y + b : b;
      xs.push(x);
      ys.push(y);
    }
  }
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { x: left, y: top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}
