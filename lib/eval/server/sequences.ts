import type { ScoringRow } from '../loglikelihood';

/** One text to be read by a server, which scores each token after those before it. */
export interface AskedSequence {
  readonly tokens: readonly number[];
  /** The picks that it answers, and the place of each pick's target in `tokens`. */
  readonly picks: readonly { readonly pick: number; readonly place: number }[];
}

/**
 * A row of a tree as plain sequences, for a server reads no trees: as few as answer every pick.
 *
 *     node 0 1 2 3     Q u e r y with picks A, B after the last node      -> Q u e r y A,  Q u e r y B
 *     a pick whose target is the next node of a longer sequence           -> answered by that one
 */
export function sequencesOf({ tree, picks }: ScoringRow): AskedSequence[] {
  const path = (node: number) => tree.tokens.flatMap((_, j) => (j <= node && node < tree.ends[j]! ? [j] : []));
  const depth = new Map(picks.map(({ node }) => [node, path(node)]));
  const order = [...picks.keys()].sort((a, b) => depth.get(picks[b]!.node)!.length - depth.get(picks[a]!.node)!.length);
  const placeOf = new Map<string, { readonly sequence: number; readonly place: number }>();
  const sequences: { tokens: number[]; picks: { pick: number; place: number }[] }[] = [];
  for (const pick of order) {
    const { node, target } = picks[pick]!;
    let found = placeOf.get(`${node} ${target}`);
    if (!found) {
      const nodes = depth.get(node)!;
      const tokens = [...nodes.map((one) => tree.tokens[one]!), target];
      const sequence = sequences.push({ tokens, picks: [] }) - 1;
      for (const [i, one] of nodes.entries()) {
        const key = `${one} ${tokens[i + 1]}`;
        if (!placeOf.has(key)) placeOf.set(key, { sequence, place: i + 1 });
      }
      found = { sequence, place: tokens.length - 1 };
      placeOf.set(`${node} ${target}`, found);
    }
    sequences[found.sequence]!.picks.push({ pick, place: found.place });
  }
  return sequences;
}
