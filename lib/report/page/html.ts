import { htmlText } from '../../escape';
import type { ReportParts } from '../parts';
import { tableToHtml } from '../table-formats';
import { figureHtml } from './figure';
import { pairsHtml } from './pairs';
import { ASKED, answer, limits, whatWasRun } from './sections';
import { STYLE_SHEET } from './style';

export const TITLE = 'LoRA against full-parameter fine-tuning: the Med42 paper, run again';
export const WARNING = 'Research only. Not for clinical decisions.';

interface Section {
  readonly id: string;
  readonly title: string;
  /** HTML; what is empty is left out, and with all of it the section. */
  readonly body: readonly string[];
}

/**
 * The report as one HTML file: style and figures inside it, no script, nothing fetched. Text from data is escaped
 * everywhere, and the page forbids scripts besides.
 *
 * @param drawings a figure's key -> its SVG, by `drawSvg`
 */
export function reportHtml(parts: ReportParts, drawings: ReadonlyMap<string, string>): string {
  const { preset, subject } = parts.record;
  const sections = sectionsOf(parts, drawings)
    .map((section) => ({ ...section, body: section.body.filter((one) => one !== '') }))
    .filter(({ body }) => body.length > 0);
  const contents = sections.map(({ id, title }) => `<li><a href="#${id}">${htmlText(title)}</a></li>`).join('');
  const from = parts.extras.decontamination.length > 0 ? 'run.json and decontamination.json' : 'run.json';
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

function sectionsOf(parts: ReportParts, drawings: ReadonlyMap<string, string>): Section[] {
  const table = (key: string) => {
    const found = parts.tables.find((one) => one.key === key);
    return found ? tableToHtml(found) : '';
  };
  const figure = (key: string) => {
    const found = parts.figures.find((one) => one.key === key);
    return found ? figureHtml(found, drawings.get(key)!) : '';
  };
  const [method] = parts.extras.decontamination;
  const sweeps = parts.figures.filter(({ key }) => key.startsWith('sweep-')).map(({ key }) => figure(key));
  const contamination = method
    ? [
        figure('figure-2'),
        table('table-a2'),
        table('table-a3'),
        table('contamination-effect'),
        table('decontamination'),
        ...sweeps,
        pairsHtml(method),
      ]
    : ['<p>This run did not look for contamination: there are no tables A2 and A3 and no figures 2 and A.1.</p>'];
  const paperRates = table('comparisons-paper-rates');
  return [
    { id: 'asked', title: 'What was asked', body: ASKED },
    { id: 'run', title: 'What was run', body: [whatWasRun(parts)] },
    { id: 'answer', title: 'The answer', body: [answer(parts)] },
    {
      id: 'accuracy',
      title: 'Accuracy, beside the paper',
      body: [figure('figure-1'), table('table-1'), figure('accuracy')],
    },
    {
      id: 'differences',
      title: 'Differences between the models',
      body: [
        table('comparisons-controlled'),
        table('comparisons'),
        paperRates && `<details><summary>The same at the paper’s own rates</summary>\n${paperRates}\n</details>`,
      ],
    },
    { id: 'facts', title: 'What was learnt, and what was not', body: [figure('fact-groups'), table('fact-groups')] },
    { id: 'training', title: 'Training: losses, rates, seeds', body: [figure('loss'), table('runs')] },
    {
      id: 'price',
      title: 'The price: memory, time, forgetting',
      body: [figure('cost'), table('cost'), table('forgetting')],
    },
    { id: 'contamination', title: 'Contamination', body: contamination },
    { id: 'mixture', title: 'The training mixture', body: [table('table-a1')] },
    { id: 'paper', title: 'The paper’s own numbers', body: ['claims', 'audit', 'flagged-right'].map(table) },
    {
      id: 'limits',
      title: 'Limits, and what was assumed',
      body: [limits(parts), ...['constant-answers', 'requests', 'hyper-parameters', 'assumptions'].map(table)],
    },
  ];
}
