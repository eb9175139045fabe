import type { EvalItem, TrainExample } from '../../data/rows';

/** Words alone, in small letters, with one space between and around them: a text holds another as whole words. */
export function plainWords(text: string): string {
  return ` ${text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim()} `;
}

/** The items whose question occurs word for word in a training row or in `generalText`. */
export function findEvalPhrasing(
  items: readonly EvalItem[],
  train: readonly TrainExample[],
  generalText: readonly string[] = [],
): EvalItem[] {
  const rows = train.map((row) => [row.prompt, row.question ?? '', row.response].join('\n'));
  const texts = [...rows, ...generalText].map(plainWords).join('|');
  return items.filter((item) => texts.includes(plainWords(item.question)));
}
