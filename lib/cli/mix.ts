import { relative, resolve } from 'node:path';
import { mixFolder } from '../data/mixing/mix';
import { CARD_FILE, MIXTURE_ROWS } from '../data/mixing/mixed-folder';
import { requireSeed } from '../random';
import { newCommand, readArguments } from '../run/arguments';
import { showReading } from '../run/data-stage';
import { lockFolder } from '../run/lock';
import { peakMemoryBytes } from '../run/memory';
import { clock, sayLine } from '../run/progress';
import { DATA_FORMS, type RowArguments, rowOptions, withRowOptions } from '../run/row-options';
import { parseWeights } from '../run/weights';
import { callersFolder } from './interrupt';

const command = () =>
  withRowOptions(
    newCommand(
      'mix',
      'Makes a training mixture in a folder of its own: rows are mended, freed of duplicates and drawn by table A1, however ' +
        'many there are. `med42 train --data FOLDER` trains on it.',
    )
      .requiredOption('--data <folder>', `holds train/ with rows (${DATA_FORMS})`)
      .requiredOption('--out <folder>', 'where the mixture goes')
      .option('--samples <count>', 'rows to draw  (default: what table A1 counts, as far as rows reach)')
      .option('--shares <rule>', 'paper (table A1), all (every row), or pairs like medqa=2,mine=1', 'paper')
      .option('--seed <number>', 'of the draw and the order', '42')
      .option('--memory <MiB>', 'that the database may use', '1024')
      .option('--threads <count>', 'of the database', '2'),
  );

interface Given extends RowArguments {
  readonly data: string;
  readonly out: string;
  readonly samples?: string;
  readonly shares: string;
  readonly seed: string;
  readonly memory: string;
  readonly threads: string;
}

const refusal = (what: string) => new Error(`mix: ${what}; --help lists the options`);

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Given>(command(), args);
  const from = callersFolder();
  const out = resolve(from, options.out);
  const began = performance.now();
  const lock = await lockFolder(out);
  try {
    const mixed = await mixFolder(resolve(from, options.data), out, {
      shares: sharesOf(options.shares),
      seed: requireSeed(options.seed, (must) => refusal(`--seed ${must}`)),
      memory: whole('--memory', options.memory, 128),
      threads: whole('--threads', options.threads, 1),
      ...(options.samples === undefined ? {} : { total: whole('--samples', options.samples, 1) }),
      rows: { ...rowOptions(options, refusal), ...showReading() },
      onStage: sayLine,
    });
    const path = (name: string) => relative(from, resolve(out, name)) || '.';
    const gigabytes = (peakMemoryBytes() / 2 ** 30).toFixed(2);
    console.log(
      [
        `${mixed.report.total.toLocaleString('en')} rows of ${mixed.report.rows.length} sources in ${path(MIXTURE_ROWS)}, in ` +
          `${clock((performance.now() - began) / 1000)} with at most ${gigabytes} GB of memory.`,
        ...mixed.deficits.map(
          ({ name, available, paperSamples }) =>
            `short: ${name} has ${available.toLocaleString('en')} of table A1's ${paperSamples.toLocaleString('en')} rows`,
        ),
        ...mixed.standIns.map(({ note, rows }) => `stand-in: ${note} (${rows.toLocaleString('en')} of the drawn rows)`),
        `What was mended, left out and drawn: ${path(CARD_FILE)}.`,
        `Next:\n  npx med42 train --data ${path('.')} --model MODEL`,
        'Research only, not for clinical decisions.',
      ].join('\n'),
    );
  } finally {
    lock.release();
  }
}

function whole(option: string, value: string, least: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < least || value.trim() === '') {
    throw refusal(`${option} must be an integer of ${least} or more, got "${value}"`);
  }
  return number;
}

function sharesOf(value: string): 'paper' | 'all' | Readonly<Record<string, number>> {
  if (value === 'paper' || value === 'all') return value;
  const weights = parseWeights(value);
  if (weights) return weights;
  throw refusal(
    `--shares must be paper, all, or pairs like medqa=2,mine=1 that give each source one share, got "${value}"`,
  );
}
