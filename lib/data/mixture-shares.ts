import { SUBSETS } from '../paper/table-a1';
import { poolOf } from './mixture-plan';
import { IGNORED, type Sample } from './samples';
import { KNOWN_SOURCES } from './sources/names';

/** One subset's part of a set of samples, in percent, measured three ways. */
export interface Shares {
  /** As table A1 counts. */
  readonly samples: number;
  /** What the model reads. */
  readonly tokens: number;
  /** What the model learns: its weight in the loss, which is a mean over these. */
  readonly lossTokens: number;
}

export interface MixtureShares {
  /** Subsets of table A1 that are present, in its order, then sources that it does not have, in the order they appear. */
  readonly subsets: readonly (Shares & {
    /** A key of table A1, or a `source`. */
    readonly subset: string;
    readonly name: string;
    /** Null for a source that table A1 does not have. */
    readonly domain: 'medical' | 'general' | null;
  })[];
  /** Sources that table A1 does not have are in neither. */
  readonly domains: Readonly<Record<'medical' | 'general', Shares>>;
}

/**
 * How much of a mixture each subset or source is: by samples, by tokens, by learnt tokens.
 *
 * @throws when there is no sample
 */
export function mixtureShares(samples: readonly Pick<Sample, 'source' | 'ids' | 'labels'>[]): MixtureShares {
  if (samples.length === 0) throw new Error('mixture: there must be a sample to take shares of, got none');
  const known = new Set(KNOWN_SOURCES);
  const counts = new Map<string, { samples: number; tokens: number; lossTokens: number }>();
  const all = { samples: 0, tokens: 0, lossTokens: 0 };
  for (const { source, ids, labels } of samples) {
    const subset = known.has(source) ? poolOf('paper', source) : source;
    const own = counts.get(subset) ?? { samples: 0, tokens: 0, lossTokens: 0 };
    counts.set(subset, own);
    const lossTokens = labels.reduce((sum, label) => sum + Number(label !== IGNORED), 0);
    for (const count of [own, all]) {
      count.samples++;
      count.tokens += ids.length;
      count.lossTokens += lossTokens;
    }
  }
  const share = (part: typeof all): Shares => ({
    samples: (100 * part.samples) / all.samples,
    tokens: (100 * part.tokens) / all.tokens,
    lossTokens: (100 * part.lossTokens) / all.lossTokens,
  });
  const keys = new Set<string>(SUBSETS.map(({ key }) => key));
  const others = [...counts.keys()].filter((key) => !keys.has(key));
  const named = [...SUBSETS, ...others.map((key) => ({ key, name: key, domain: null }))];
  const subsets = named.flatMap(({ key, name, domain }) => {
    const count = counts.get(key);
    return count ? [{ subset: key, name, domain, ...share(count) }] : [];
  });
  const domain = (wanted: 'medical' | 'general'): Shares => {
    const own = subsets.filter((subset) => subset.domain === wanted);
    const sum = (key: keyof Shares) => own.reduce((total, subset) => total + subset[key], 0);
    return { samples: sum('samples'), tokens: sum('tokens'), lossTokens: sum('lossTokens') };
  };
  return { subsets, domains: { medical: domain('medical'), general: domain('general') } };
}
