import type { Command } from 'commander';
import type { ReadOptions } from '../data/examples';

/** For `--data` of every command that reads rows. */
export const DATA_FORMS = 'JSON Lines, JSON arrays, CSV, TSV or Parquet, plain, .gz or .zst';

export interface RowArguments {
  readonly fields?: string;
  readonly skipBadRows: boolean;
}

/** The options that say how rows are read. */
export const withRowOptions = (command: Command): Command =>
  command
    .option(
      '--fields <pairs>',
      'what the files call a field: prompt=Question,response=Answer',
      (pairs: string, before?: string) => (before === undefined ? pairs : `${before},${pairs}`),
    )
    .option(
      '--skip-bad-rows',
      'leaves out rows with missing or wrong fields and lines that are no JSON, and counts them by reason',
    );

/** @param refusal makes the command's error of what is wrong */
export function rowOptions({ fields, skipBadRows }: RowArguments, refusal: (what: string) => Error): ReadOptions {
  const pairs = fields?.split(',').map((pair) => pair.split('=').map((name) => name.trim()));
  const wrong = pairs?.find((pair) => pair.length !== 2 || pair.includes(''));
  if (wrong) throw refusal(`--fields must be pairs like prompt=Question,response=Answer, got "${wrong.join('=')}"`);
  const twice = pairs?.find(([name], i) => pairs.findIndex(([other]) => other === name) !== i);
  if (twice) throw refusal(`--fields must name what stands for "${twice[0]}" once, got "${fields}"`);
  return {
    ...(pairs ? { fields: Object.fromEntries(pairs) as Record<string, string> } : {}),
    ...(skipBadRows ? { badRows: 'skip' } : {}),
  };
}
