import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { type ItemResult, scoreItems } from '../../lib/eval/score';
import { createTokenScorer } from '../../lib/eval/token-scorer';
import { openModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';

const DATA = resolve(__dirname, '..', '..', 'data', 'miniature');

test('scores that were interrupted and carried on are those of one start, bit for bit', async () => {
  const base = await openModelFolder(join(DATA, 'base'));
  const device = await openDevice('cpu', 1);
  const scorer = createTokenScorer(tunedModel(base, 'base'), await createState(device, {}), device);
  const tokenizer = await loadTokenizer(base.folder);
  const { items } = await loadEvalItems(DATA);
  const sample = { limitPerTask: 6, seed: 3 };
  const whole = await scoreItems(items, scorer, tokenizer, sample);
  expect(whole.items.length).toBeGreaterThan(60);

  const kept: ItemResult[] = [];
  let starts = 0;
  // Each start is stopped after 19 items, wherever that is in a batch.
  for (;;) {
    starts++;
    let own = 0;
    const start = scoreItems(items, scorer, tokenizer, {
      ...sample,
      known: [...kept],
      onItem: (item) => {
        kept.push(JSON.parse(JSON.stringify(item)));
        if (++own === 19) throw new Error('stopped');
      },
    });
    const result = await start.catch((error: Error) => {
      expect(error.message).toBe('stopped');
      return undefined;
    });
    if (!result) continue;
    expect(JSON.stringify(result)).toBe(JSON.stringify(whole));
    break;
  }
  expect(starts).toBeGreaterThan(3);
  expect(new Set(kept.map(({ task, id }) => `${task} ${id}`)).size).toBe(kept.length);
}, 120_000);
