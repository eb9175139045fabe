import { relative, resolve } from 'node:path';
import { trainingNotes } from '../data/reading/notes';
import { tokenXray } from '../data/token-xray';
import { escapeHtml } from '../escape';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { xrayHtml } from '../report/page/xray';
import { packingNotes } from '../run/data-stage';
import { mixFetched } from '../run/fetched-data';
import { firstChunks } from '../run/first-chunks';
import { openTrainingInputs } from '../run/inputs';
import { parseOptions, type SettingsCommand } from '../run/options';
import { createProgress, sayLine } from '../run/progress';
import { settingsText } from '../run/settings/effective';
import { callersFolder } from './interrupt';

const PACKING: SettingsCommand = {
  name: 'packing',
  summary: 'Shows the chunks that a training would read, token by token: what each is for, and whether it is learnt.',
  preset: { bundled: 'miniature', own: 'paper-lora' },
  out: () => 'packing',
};

/** Chunks on the page. */
const SHOWN = 8;

export async function main(args: readonly string[]): Promise<void> {
  const from = callersFolder();
  const options = parseOptions(args, WORKBOOK_ROOT, from, PACKING);
  if (options.printSettings) return console.log(settingsText(options.settings));
  const sources = await mixFetched(options, options.config, sayLine);
  const { data, tokenizer } = await openTrainingInputs(sources, options.config, createProgress);
  const { chunks: shown, samples, examples } = await firstChunks(data, SHOWN, sources.data, options.config);
  const chunks: string[] = [];
  for (const [i, chunk] of shown.entries()) {
    chunks.push(`<h2>Chunk ${i + 1}</h2>${xrayHtml(await tokenXray(chunk, samples, examples, tokenizer))}`);
  }
  const { packing } = data;
  const facts = [
    ...trainingNotes(data.training),
    ...packingNotes(data),
    `${packing.samples} rows in ${packing.chunks} chunks of ${packing.maxSeqLen} tokens, ${(100 * packing.fillRate).toFixed(1)} % filled; ` +
      `${packing.lossTokens} of ${packing.tokens} tokens are learnt`,
    `the first ${shown.length} chunks are shown`,
  ];
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Packing</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:15px sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}</style></head><body>
<h1>Packing of ${escapeHtml(relative(from, options.data) || '.')}</h1>
<ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>
${chunks.join('\n')}
<p>Research only, not for clinical decisions.</p></body></html>
`;
  const file = resolve(options.out, 'packing.html');
  await writeFileAtomic(file, page);
  for (const fact of facts) console.log(fact);
  console.log(`Open ${relative(from, file)}. Research only, not for clinical decisions.`);
}
