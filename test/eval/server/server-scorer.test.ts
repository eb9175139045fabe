import { afterEach, describe, expect, it } from 'vitest';
import { scoreItems } from '../../../lib/eval/score';
import { createServerClient } from '../../../lib/eval/server/client';
import { createServerScorer } from '../../../lib/eval/server/server-scorer';
import { byteTokenizer } from '../fakes';
import { knownScorer, type StubServer, stubServer } from './stub-server';

let stub: StubServer;
afterEach(() => stub.close());

const VOCABULARY = 320;
const ITEMS = Array.from({ length: 12 }, (_, i) => ({
  id: `q${i}`,
  task: 'headqa',
  question: `Which of ${i}?`,
  choices: ['no', 'none', 'none of them', 'one'],
  answer: i % 4,
}));

const scorerOf = (atOnce: number) =>
  createServerScorer(createServerClient({ url: stub.url, pause: 1 }), {
    model: 'known',
    maxLength: 30,
    vocabSize: VOCABULARY,
    atOnce,
  });

describe('a scorer behind a server', () => {
  it('counts seams, cuts on the left and gives scores as a local one', async () => {
    // Long enough that all who may ask do, also on a busy machine.
    stub = await stubServer({ vocabSize: VOCABULARY, delay: 30 });
    // 'Answer:' + ' no' has a token across the seam.
    const tokenizer = byteTokenizer([': n', 'on']);
    const there = await scoreItems(ITEMS, scorerOf(5), tokenizer);
    const here = await scoreItems(ITEMS, knownScorer(30, VOCABULARY), tokenizer);
    expect(there.items).toEqual(here.items);
    expect(here.tasks[0]!.seams).toBe(3 * ITEMS.length);
    expect(here.tasks[0]!.truncatedItems).toBeGreaterThan(0);
    expect(stub.most()).toBe(5);
  });

  it('gives out what is finished before it fails, and begins nothing more', async () => {
    stub = await stubServer({ vocabSize: VOCABULARY, delay: 2 });
    stub.fault = (_, count) => (count === 22 ? { status: 400, message: 'no more' } : undefined);
    const done: string[] = [];
    const run = scoreItems(ITEMS, scorerOf(4), byteTokenizer(), { onItem: ({ id }) => void done.push(id) });
    await expect(run).rejects.toThrow(/answers 400 \(no more\)/);

    const asked = stub.asked.length;
    expect(asked).toBeLessThanOrEqual(22 + 4);
    expect(done.length).toBeGreaterThanOrEqual(Math.floor(21 / 4) - 1);
    await new Promise((later) => setTimeout(later, 50));
    expect(stub.asked).toHaveLength(asked);
  });

  it('stops asking when its reader stops', async () => {
    stub = await stubServer({ vocabSize: VOCABULARY, delay: 2 });
    const run = scoreItems(ITEMS, scorerOf(2), byteTokenizer(), {
      onItem: () => {
        throw new Error('interrupted');
      },
    });
    await expect(run).rejects.toThrow('interrupted');
    // What was sent just before arrives.
    await new Promise((later) => setTimeout(later, 50));
    const asked = stub.asked.length;
    expect(asked).toBeLessThan(12);
    await new Promise((later) => setTimeout(later, 50));
    expect(stub.asked).toHaveLength(asked);
  });

  it('waits for no server that is away once an end is asked for', async () => {
    stub = await stubServer({ vocabSize: VOCABULARY });
    const end = new AbortController();
    stub.fault = (_, count) => {
      if (count < 5) return undefined;
      setTimeout(() => end.abort(), 20);
      return { status: 503, message: 'loading' };
    };
    const scorer = createServerScorer(createServerClient({ url: stub.url, pause: 60_000 }), {
      model: 'known',
      maxLength: 30,
      vocabSize: VOCABULARY,
      atOnce: 3,
      signal: end.signal,
    });
    const run = scoreItems(ITEMS, scorer, byteTokenizer());
    await expect(run).rejects.toThrow(/answers 503 \(loading\).*; look at the server.*carries on$/);
  });
});
