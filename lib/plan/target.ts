import { CARDS, type CardName, type Target } from './cards';
import { thisCpu, thisMachine } from './machine';

/**
 * Reads `h100x8`, `h200`, `a100-40`; `cpu` and `xla:cpu` are this machine's, `here` this machine with its cards.
 *
 * @throws naming the cards that are known
 */
export function parseTarget(text: string): Target {
  const lower = text.toLowerCase();
  if (lower === 'cpu' || lower === 'xla:cpu') return thisCpu(lower);
  if (lower === 'here') return thisMachine();
  const match = /^([a-z]\d+(?:-\d+)?)(?:x(\d+))?$/.exec(lower);
  const devices = Number(match?.[2] ?? 1);
  const name = match?.[1];
  if (name !== undefined && Object.hasOwn(CARDS, name) && Number.isSafeInteger(devices) && devices > 0) {
    return { name: name as CardName, card: CARDS[name as CardName], devices };
  }
  throw new Error(
    `plan: --target must be one of ${Object.keys(CARDS).join(', ')}, with x and a number for several (h100x8), or cpu, ` +
      `xla:cpu or here, got "${text}"`,
  );
}
