/**
 * Weights as a command line has them: `medqa=2,mine=1`.
 *
 * @returns undefined where the text is none: a weight is no number above 0, or a source is named twice
 */
export function parseWeights(text: string): Readonly<Record<string, number>> | undefined {
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  const isPair = ([name = '', weight = '', more]: readonly string[]) =>
    name !== '' && Number(weight) > 0 && Number.isFinite(Number(weight)) && more === undefined;
  if (!pairs.every(isPair) || new Set(pairs.map(([name]) => name)).size < pairs.length) return undefined;
  return Object.fromEntries(pairs.map(([name, weight]) => [name, Number(weight)]));
}
