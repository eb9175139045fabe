import { CARDS, type CardName, type Target } from './cards';
import { thisCpu, thisMachine } from './machine';

/**
 * Reads `h100x8`, `h200`, `a100-40`; `cpu` is this machine's, `here` this machine with its cards.
 *
 * @throws naming the cards that are known
 */
export function parseTarget(text: string): Target {
  if (text.toLowerCase() === 'cpu') return thisCpu();
  if (text.toLowerCase() === 'here') return thisMachine();
  const match = /^([a-z]\d+(?:-\d+)?)(?:x(\d+))?$/.exec(text.toLowerCase());
  const devices = Number(match?.[2] ?? 1);
  const name = match?.[1];
  if (name !== undefined && Object.hasOwn(CARDS, name) && Number.isSafeInteger(devices) && devices > 0) {
    return { name: name as CardName, card: CARDS[name as CardName], devices };
  }
  throw new Error(
    `plan: --target must be one of ${Object.keys(CARDS).join(', ')}, with x and a number for several (h100x8), or cpu, or ` +
      `here, got "${text}"`,
  );
}
