import { deflateSync } from 'node:zlib';

/** A tiling pattern: what it draws in its cell, and how the cell lies on the page. */
export interface PdfPattern {
  readonly content: string;
  readonly width: number;
  readonly height: number;
  /** From the cell to the page: [a b c d e f]. */
  readonly matrix: readonly number[];
}

export interface PdfPage {
  /** In points. */
  readonly width: number;
  readonly height: number;
  /** Operators. */
  readonly content: string;
  /** P0, P1, ... in their order. */
  readonly patterns: readonly PdfPattern[];
  /** [opacity of fills, of strokes]: G0, G1, ... in their order. */
  readonly opacities: readonly (readonly [number, number])[];
  readonly title: string;
}

/**
 * A PDF of one page. No date and no random id is in it: the same page gives the same bytes.
 * Source: ISO 32000-1 (PDF 1.7), sections 7.5 (file), 8.7.3 (tiling patterns).
 */
export function pdfFile({ width, height, content, patterns, opacities, title }: PdfPage): Buffer {
  const states = opacities.map(([fill, stroke], i) => `/G${i} << /ca ${fill} /CA ${stroke} >>`).join(' ');
  const firstPattern = 6;
  const named = patterns.map((_, i) => `/P${i} ${firstPattern + i} 0 R`).join(' ');
  const resources = `<< /ExtGState << ${states} >> /Pattern << ${named} >> >>`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents 4 0 R /Resources ${resources} >>`,
    stream('', content),
    `<< /Title <${utf16(title)}> /Creator (med42-workbook) >>`,
    ...patterns.map((one) => {
      const cell = `/BBox [0 0 ${one.width} ${one.height}] /XStep ${one.width} /YStep ${one.height}`;
      const entries = `/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 ${cell} /Matrix [${one.matrix.join(' ')}] /Resources << >> `;
      return stream(entries, one.content);
    }),
  ];
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  let length = parts[0]!.length;
  const offsets = objects.map((object, i) => {
    const at = length;
    const bytes = Buffer.from(`${i + 1} 0 obj\n${object}\nendobj\n`, 'latin1');
    parts.push(bytes);
    length += bytes.length;
    return at;
  });
  const rows = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info 5 0 R >>\nstartxref\n${length}\n%%EOF\n`;
  parts.push(Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${rows}${trailer}`, 'latin1'));
  return Buffer.concat(parts);
}

function stream(entries: string, content: string): string {
  const bytes = deflateSync(Buffer.from(content, 'latin1'), { level: 9 });
  return `<< ${entries}/Length ${bytes.length} /Filter /FlateDecode >>\nstream\n${bytes.toString('latin1')}\nendstream`;
}

/** Big-endian with a byte order mark, in hexadecimal: a PDF's way to write any character. */
function utf16(text: string): string {
  return `FEFF${Buffer.from(text, 'utf16le').swap16().toString('hex').toUpperCase()}`;
}
