import { resolve } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { chooseTfIdf } from '../miniature/choose-tf-idf';
import { newCommand, readArguments } from '../run/arguments';

const command = () =>
  newCommand(
    'choose-tf-idf',
    'Chooses form and threshold of TF-IDF on development pairs, and prints all that were tried.',
  );

export async function main(args: readonly string[]): Promise<void> {
  readArguments(command(), args);
  const choices = await chooseTfIdf(resolve(WORKBOOK_ROOT, 'data', 'miniature'));
  console.log('| features | left out above | threshold | F1 | precision | recall |');
  console.log('|---|---:|---:|---:|---:|---:|');
  for (const { pairs, maxShare, threshold, ...score } of choices) {
    const numbers = [score.f1, score.precision, score.recall].map((value) => value.toFixed(3)).join(' | ');
    console.log(`| ${pairs ? 'words and pairs' : 'words'} | ${maxShare * 100} % | ${threshold} | ${numbers} |`);
  }
}
