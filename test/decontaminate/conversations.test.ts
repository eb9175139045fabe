import { expect, test } from 'vitest';
import type { EvalItem, TrainExample } from '../../lib/data/examples';
import { decontaminate } from '../../lib/decontaminate/decontaminate';

const question = 'Which organ of the body pumps blood through the vessels day and night?';
const item: EvalItem = { id: 'q', task: 'medqa', question, choices: ['lung', 'heart', 'ear', 'skin'], answer: 1 };
const asked = `${question}\na. lung\nb. heart\nc. ear\nd. skin`;
const other: TrainExample[] = Array.from({ length: 20 }, (_, i) => ({
  id: `r${i}`,
  source: 's',
  prompt: `Tell me about thing ${i}, its use and its price.`,
  response: 'It is one of many.',
}));
const flagged = async (row: TrainExample) => {
  const result = await decontaminate({ items: [item], rows: [...other, row], comparison: { kind: 'tf-idf' } });
  return [result.total.flagged, result.trainingRows];
};
const base = { id: 'x', source: 's' };

test('an item is found in an earlier turn of a conversation, and in plain text', async () => {
  const turn = { prompt: asked, response: 'b. heart' };
  const thanks = { prompt: 'Thank you.', response: 'You are welcome.' };
  expect(await flagged({ ...base, ...turn })).toEqual([1, 21]);
  expect(await flagged({ ...base, history: [turn], ...thanks })).toEqual([1, 21]);
  expect(await flagged({ ...base, prompt: '', response: asked, plain: true })).toEqual([1, 21]);
  expect(await flagged({ ...base, ...thanks })).toEqual([0, 21]);
});
