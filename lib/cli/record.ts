import { existsSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { RUN_FILE, readRun } from '../compare/read-run';
import { type EvidencePair, leftOutText } from '../decontaminate/record';
import { DECONTAMINATION_FILE } from '../decontaminate/result-file';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { writeReport } from '../report/write-report';
import { newCommand, readArguments } from '../run/arguments';
import { TRIALS_FILE, TUNING_TABLE } from '../run/rate-trial';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'record',
    'Copies what a finished run measured, not its models, to results/recorded/RUN, which is kept with the workbook: ' +
      'notebooks read it until there is a run of your own. results/tune is recorded in the same way.',
  )
    .argument('<run>', 'the folder of a finished run')
    .option(
      '--without-texts',
      'leaves out the texts of contaminated pairs, which are others’ rows and items, and draws the report anew without them',
    );

/** Everything of a run but weights, checkpoints and logs, which run.json has. */
const RUN = {
  zipped: [RUN_FILE, DECONTAMINATION_FILE],
  copied: ['manifest.json', 'report.html', 'report.md', 'tables', 'figures'],
};
const TUNING = { zipped: [], copied: [TRIALS_FILE, TUNING_TABLE] };

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<{ readonly withoutTexts?: boolean }>(command(), args);
  const run = resolve(callersFolder(), words[0]!);
  const { zipped, copied } = existsSync(join(run, TRIALS_FILE)) ? TUNING : RUN;
  // A run that cannot be read back is not recorded.
  if (zipped.includes(RUN_FILE)) await readRun(run);
  const missing = [...zipped, ...copied].find((name) => !existsSync(join(run, name)));
  if (missing)
    throw new Error(`record: ${run} has no ${missing}: it is not finished; run the command that makes it again`);
  const out = join(WORKBOOK_ROOT, 'results', 'recorded', basename(run));
  await rm(out, { recursive: true, force: true });
  for (const name of zipped) {
    const text = await readFile(join(run, name), 'utf8');
    const kept = options.withoutTexts && name === DECONTAMINATION_FILE ? withoutTexts(text) : text;
    await writeFileAtomic(join(out, `${name}.gz`), gzipSync(kept, { level: 9 }));
  }
  for (const name of copied) await cp(join(run, name), join(out, name), { recursive: true });
  if (options.withoutTexts && zipped.includes(RUN_FILE)) {
    const { record, decontamination } = await readRun(out);
    await writeReport(record, { decontamination }, out);
  }
  console.log(`recorded in ${relative(process.cwd(), out)}`);
}

/** decontamination.json with the names of items and rows in place of their texts. */
function withoutTexts(text: string): string {
  const found = JSON.parse(text) as { methods: { pairs: EvidencePair[] }[] };
  for (const { pairs } of found.methods) {
    for (const [i, pair] of pairs.entries()) {
      const sharedNgram = pair.sharedNgram === null ? null : leftOutText('thirteen words of both');
      pairs[i] = { ...pair, itemText: leftOutText(pair.itemId), rowText: leftOutText(pair.rowId), sharedNgram };
    }
  }
  return `${JSON.stringify(found, null, 2)}\n`;
}
