import { type Chunk, segmentStarts } from './packing/chunks';
import type { TrainExample } from './rows';
import { IGNORED, type Sample } from './samples';
import { promptParts } from './template';
import type { Tokenizer } from './tokenizer';

export const TOKEN_ROLES = ['begin', 'tag', 'system', 'prompt', 'response', 'end', 'padding'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** One position of a chunk, as people want to see it. */
export interface TokenView {
  /** In the chunk, from 0. */
  readonly at: number;
  readonly id: number;
  /** What this token adds to the text; half a character shows as U+FFFD. */
  readonly text: string;
  readonly role: TokenRole;
  /** Null for padding. */
  readonly source: string | null;
  readonly sampleId: string | null;
  /** Index in the samples that were packed; -1 for padding. */
  readonly sample: number;
  /** Its prediction carries loss. */
  readonly learned: boolean;
  /** The position that the model is told (RoPE). */
  readonly position: number;
  /** The first place of the chunk it may attend to; it may attend to all from there to itself. */
  readonly attendsFrom: number;
}

/**
 * A chunk token by token: what it says, whose it is, what it is for, whether it is learnt, what it may look at.
 *
 * @param samples those the chunk was packed from, by their numbers: an array of all, or what looks them up
 * @param examples the rows of the samples, by the same numbers
 */
export async function tokenXray(
  chunk: Chunk,
  samples: { at(index: number): Sample | undefined },
  examples: { at(index: number): TrainExample | undefined },
  tokenizer: Pick<Tokenizer, 'decode' | 'textOf' | 'bosId' | 'eosId'>,
): Promise<TokenView[]> {
  const views: TokenView[] = [];
  const starts = segmentStarts(chunk.segments);
  for (const { sample, id, source, start, end, offset } of chunk.spans) {
    const { ids, labels } = samples.at(sample)!;
    const { texts, ends } = await pieces(ids.subarray(0, offset + end - start), tokenizer);
    const roleAt = promptRoles(examples.at(sample)!, texts.join(''));
    for (let at = start; at < end; at++) {
      const own = at - start + offset;
      const learned = labels[own] !== IGNORED;
      const token = ids[own]!;
      const role: TokenRole =
        own === ids.length - 1 && token === tokenizer.eosId
          ? 'end'
          : learned
            ? 'response'
            : own === 0 && token === tokenizer.bosId
              ? 'begin'
              : roleAt(ends[own]! - 1);
      views.push({
        at,
        id: token,
        text: texts[own]!,
        role,
        source,
        sampleId: id,
        sample,
        learned,
        position: chunk.positions[at]!,
        attendsFrom: starts[at]!,
      });
    }
  }
  for (let at = views.length; at < chunk.tokens.length; at++) {
    const padding = { role: 'padding', source: null, sampleId: null, sample: -1, learned: false } as const;
    views.push({ at, id: chunk.tokens[at]!, text: '', ...padding, position: chunk.positions[at]!, attendsFrom: at });
  }
  return views;
}

/** Tokens decoded together at most, where nothing forbids to begin anew, and those that a new window takes over. */
const WINDOW = 32;
const OVERLAP = 8;
/** As SentencePiece spells a byte. */
const BYTE = /^<0x[0-9A-F]{2}>$/;
const HALF_CHARACTER = '\uFFFD';

/**
 * The text of each token, and where it ends in the text of all. A token alone decodes otherwise than in its place, so that
 * each is decoded with some before it: what it adds is its text. Bytes of a character that is not whole yet are shown
 * again, whole, with the token that completes it.
 */
async function pieces(ids: Int32Array, { decode, textOf: spellingOf }: Pick<Tokenizer, 'decode' | 'textOf'>) {
  const texts: string[] = [];
  const ends: number[] = [];
  const textOf = (from: number, to: number) => decode(Array.from(ids.subarray(from, to)), { keepSpecial: true });
  /** Bytes in a row are decoded as one, and while the last character is not whole none of them is shown. */
  const isByte = (place: number) => BYTE.test(spellingOf(ids[place]!));
  let start = 0;
  /** Length of all text before the window, and of the window's that was given to a token. */
  let [base, before] = [0, 0];
  for (let n = 1; n <= ids.length; n++) {
    const text = await textOf(start, n);
    texts.push(text.slice(before));
    ends.push(base + text.length);
    before = text.replace(/\uFFFD+$/, '').length;
    const next = n - OVERLAP;
    if (n - start < WINDOW || before < text.length || (isByte(next - 1) && isByte(next))) continue;
    const overlap = await textOf(next, n);
    // A window that begins within a character would read all of it otherwise.
    if (overlap.includes(HALF_CHARACTER) || overlap.length > text.length) continue;
    base += text.length - overlap.length;
    before = overlap.length;
    start = next;
  }
  return { texts, ends };
}

/** The part of the conversation that a character of its text belongs to; a BOS, and the space after it, stand before it. */
function promptRoles(
  { history = [], ...example }: TrainExample,
  text: string,
): (character: number) => 'tag' | 'system' | 'prompt' {
  const turns = [...history, example].flatMap(({ prompt, response }, i) => {
    const parts = example.plain ? [] : promptParts({ ...example, prompt }).slice(i === 0 ? 0 : 2);
    return [...parts, { role: 'tag' as const, text: response }];
  });
  const ends: { readonly end: number; readonly role: 'tag' | 'system' | 'prompt' }[] = [];
  let at = 0;
  for (const { role, text: part } of turns) {
    const found = text.indexOf(part, at);
    // A chunk may end inside a part. In a template of another kind none is found: what is not learnt is then the prompt.
    if (found < 0) {
      ends.push({ end: Number.POSITIVE_INFINITY, role: ends.length === 0 ? 'prompt' : role });
      break;
    }
    at = found + part.length;
    ends.push({ end: at, role });
  }
  return (character) => ends.find(({ end }) => character < end)?.role ?? 'tag';
}
