import type { Figure } from '../../draw/figure';
import { htmlText } from '../../escape';
import { isTable, type ReportParts } from '../parts';
import type { Table } from '../table';
import { tableToHtml } from '../table-formats';
import { figureHtml } from './figure';
import { STYLE_SHEET } from './style';

export const TITLE = 'LoRA against full-parameter fine-tuning: the Med42 paper, run again';
export const WARNING = 'Research only. Not for clinical decisions.';

/**
 * The report as one HTML file: style and figures inside it, no script, nothing fetched. Text from data is escaped
 * everywhere, and the page forbids scripts besides.
 *
 * @param drawings a figure's key -> its SVG, by `drawSvg`
 */
export function reportHtml(parts: ReportParts, drawings: ReadonlyMap<string, string>): string {
  const { preset, subject } = parts.record;
  const sections = pageSections(parts, drawings);
  const contents = sections.map(({ id, title }) => `<li><a href="#${id}">${htmlText(title)}</a></li>`).join('');
  const from = parts.detector ? 'run.json and decontamination.json' : 'run.json';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${htmlText(`${TITLE} (${preset})`)}</title>
<style>${STYLE_SHEET}</style>
</head>
<body>
<header>
<h1>${htmlText(TITLE)}</h1>
<p class="subject">${htmlText(`${subject.model} · ${subject.data} · ${subject.device} · preset ${preset}`)}</p>
<p class="warning">${htmlText(WARNING)}</p>
<nav aria-label="Contents"><ol>${contents}</ol></nav>
</header>
<main>
${sections.map(({ id, title, body }) => `<section id="${id}"><h2>${htmlText(title)}</h2>\n${body.join('\n')}\n</section>`).join('\n')}
</main>
<footer>
<p>Made from ${from} in this folder alone. Every table lies in tables/ as CSV and JSON, every figure in figures/ as SVG and PNG; manifest.json names data, software and seeds.</p>
<p>${htmlText(WARNING)} The paper: Christophe et al. 2024, arXiv:2404.14779.</p>
</footer>
</body>
</html>
`;
}

interface PageSection {
  readonly id: string;
  readonly title: string;
  /** HTML. */
  readonly body: readonly string[];
}

/** What is empty is left out, and with all of its parts a section. */
function pageSections({ sections, ...inputs }: ReportParts, drawings: ReadonlyMap<string, string>): PageSection[] {
  const drawn = (one: Table | Figure) => (isTable(one) ? tableToHtml(one) : figureHtml(one, drawings.get(one.key)!));
  return sections
    .map(({ id, title, parts }) => ({
      id,
      title,
      body: parts
        .map(({ made, page }) => {
          const html = made.map(drawn).join('\n');
          return page ? page(inputs, html) : html;
        })
        .filter((html) => html !== ''),
    }))
    .filter(({ body }) => body.length > 0);
}
