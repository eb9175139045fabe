/**
 * Several token sequences as one row in which what they share stands once: a tree, written depth first.
 *
 *     Q u e r y A            node       0 1 2 3 4 5 6 7
 *     Q u e r y B c          token      Q u e r y A B c
 *                            position   0 1 2 3 4 5 5 6     where it stands in its own sequence
 *                            end        8 8 8 8 8 6 8 8     its descendants are the nodes from itself up to here
 *
 * Node i sees node j when j <= i < end(j): itself and what comes before it in its own sequence, and nothing else.
 */
export interface TokenTree {
  /** [T] each */
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  readonly ends: readonly number[];
}

/** A row of sequences that are cheaper read together, and where each of them lies in it. */
export interface SharedRow {
  readonly tree: TokenTree;
  /** Places in the given sequences -> the nodes of each, in its order. */
  readonly paths: ReadonlyMap<number, readonly number[]>;
}

/**
 * Puts sequences into as few token places as pay off. Nodes of different branches still meet in the attention's square,
 * so a row of n nodes is taken to cost n + n²/balance, and the rows are those of least cost in all: a long shared
 * context makes one row, long branches after a short one stay apart, and so do sequences that a cut on the left has
 * shifted against each other.
 *
 * @param sequences none empty
 * @param balance the row length at which attention costs what the linear layers cost
 */
export function sharedRows(sequences: readonly (readonly number[])[], balance: number): SharedRow[] {
  const order = sequences.map((_, i) => i).sort((a, b) => compare(sequences[a]!, sequences[b]!));
  const shared = order.map((s, k) => (k === 0 ? 0 : commonPrefix(sequences[order[k - 1]!]!, sequences[s]!)));
  const cost = [0];
  const start: number[] = [];
  for (let end = 1; end <= order.length; end++) {
    cost[end] = Number.POSITIVE_INFINITY;
    let branches = 0;
    for (let from = end - 1; from >= 0; from--) {
      const length = sequences[order[from]!]!.length;
      const nodes = length + branches;
      const total = cost[from]! + nodes + nodes ** 2 / balance;
      // The wider of two equal rows: equal sequences are read once.
      if (total <= cost[end]!) {
        cost[end] = total;
        start[end] = from;
      }
      branches += length - shared[from]!;
    }
  }
  const rows: SharedRow[] = [];
  for (let end = order.length; end > 0; end = start[end]!) {
    rows.push(treeOf(sequences, order.slice(start[end]!, end)));
  }
  return rows.reverse();
}

/** @param order the sequences to take, sorted token by token */
function treeOf(sequences: readonly (readonly number[])[], order: readonly number[]): SharedRow {
  const tokens: number[] = [];
  const positions: number[] = [];
  const ends: number[] = [];
  const paths = new Map<number, readonly number[]>();
  const path: number[] = [];
  const closeFrom = (depth: number) => {
    for (const node of path.splice(depth)) ends[node] = tokens.length;
  };
  for (const [k, s] of order.entries()) {
    const sequence = sequences[s]!;
    closeFrom(k === 0 ? 0 : commonPrefix(sequences[order[k - 1]!]!, sequence));
    for (let position = path.length; position < sequence.length; position++) {
      path.push(tokens.length);
      tokens.push(sequence[position]!);
      positions.push(position);
    }
    paths.set(s, [...path]);
  }
  closeFrom(0);
  return { tree: { tokens, positions, ends }, paths };
}

/** Whether no node has a sibling: an ordinary row, which needs no mask but the causal one. */
export const isChain = ({ tokens, ends }: TokenTree): boolean => ends.every((end) => end === tokens.length);

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const n = commonPrefix(a, b);
  return (a[n] ?? -1) - (b[n] ?? -1);
}
