import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * The seeded generator that everything random takes as an argument.
 * Two generators of one seed give the same numbers on every machine.
 */
export interface Random {
  /** Uniform in [0, 1), 53 random bits. */
  next(): number;
  /** Uniform integer in [0, bound). @throws when bound is not a positive integer */
  int(bound: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** The generator's whole state, to be kept in a checkpoint. */
  state(): readonly number[];
}

/** FNV-1a, so that a stream can be named ('shuffle', 'init') instead of numbered. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  return h | 0;
}

/** The generator starts from 32 bits: a greater seed would give the numbers of one of these. */
export const MAX_SEED = 2 ** 32 - 1;

/**
 * A seed as it is given, in numbers or in the text of an option.
 *
 * @param refuse makes the error of what is required and what came
 * @throws when it is no whole number from 0 to 4294967295
 */
export function requireSeed(given: number | string, refuse: (must: string) => Error): number {
  const seed = String(given).trim() === '' ? Number.NaN : Number(given);
  if (Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED) return seed;
  const came = typeof given === 'string' ? JSON.stringify(given) : given;
  throw refuse(`must be a whole number from 0 to ${MAX_SEED}, got ${came}`);
}

/**
 * A generator for `seed`; `stream` names an independent sequence of the same seed,
 * so that drawing one more number for the initialisation does not move the shuffling.
 *
 * @throws when the seed is no whole number from 0 to 4294967295
 */
export function createRandom(seed: number, stream = ''): Random {
  requireSeed(seed, (must) => new Error(`random: seed ${must}`));
  return wrap(xoroshiro128plus((Math.imul(seed | 0, 0x9e3779b1) ^ hash(stream)) | 0));
}

/** The generator that `state()` described. */
export function restoreRandom(state: readonly number[]): Random {
  return wrap(xoroshiro128plusFromState(state));
}

function wrap(generator: ReturnType<typeof xoroshiro128plus>): Random {
  const bits = (n: number) => generator.next() >>> (32 - n);
  const next = () => (bits(26) * 2 ** 27 + bits(27)) / 2 ** 53;
  const int = (bound: number) => {
    if (!Number.isSafeInteger(bound) || bound <= 0) throw new Error(`random: int(bound) needs bound > 0, got ${bound}`);
    return Math.floor(next() * bound);
  };
  return {
    next,
    int,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(i + 1);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    state: () => generator.getState(),
  };
}
