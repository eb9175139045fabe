import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../config';

type Value = string | number | boolean | readonly string[];

/** A hyper-parameter, and where its value comes from. */
export interface HyperParameter {
  readonly value: Value;
  /** 'stated': the paper gives it and we use it; 'varied': the paper gives another; 'assumed': the paper gives none. */
  readonly origin: 'stated' | 'varied' | 'assumed';
  /** What the paper states; null where it states nothing. */
  readonly paper: Value | null;
}

/** What the paper states of both methods (Methods, 'Hyperparameters'); every other field of a config is our assumption. */
const STATED: readonly string[] = [
  'epochs',
  'learningRate',
  'warmupSteps',
  'finalRateRatio',
  'beta1',
  'beta2',
  'weightDecay',
  'clipNorm',
  'maxSeqLen',
  'lora.rank',
  'lora.alpha',
  'lora.targetModules',
];

/**
 * A training config's fields, each tagged stated, varied or assumed. The fields of `lora` are named 'lora.rank' and so on,
 * and are left out for method 'full', which does not use them.
 *
 * Source: the paper's Methods, 'Hyperparameters', as PAPER_FULL and PAPER_LORA hold it.
 */
export function taggedHyperParameters(config: TrainConfig): Readonly<Record<string, HyperParameter>> {
  const stated = new Map(fields(config.method === 'lora' ? PAPER_LORA : PAPER_FULL));
  // A record that was read may have its fields in another order.
  const order = [...stated.keys()];
  const own = fields(config).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return Object.fromEntries(
    own.map(([name, value]): [string, HyperParameter] => {
      const paper = STATED.includes(name) ? (stated.get(name) ?? null) : null;
      if (paper === null) return [name, { value, origin: 'assumed', paper }];
      return [name, { value, origin: same(value, paper) ? 'stated' : 'varied', paper }];
    }),
  );
}

function fields({ method, lora, ...rest }: TrainConfig): [string, Value][] {
  const adapter = method === 'lora' ? Object.entries(lora) : [];
  return [...Object.entries(rest), ...adapter.map(([name, value]): [string, Value] => [`lora.${name}`, value])];
}

/** Lists as sets: the order of layers means nothing. */
function same(a: Value, b: Value): boolean {
  const key = (value: Value) => JSON.stringify(typeof value === 'object' ? [...value].sort() : value);
  return key(a) === key(b);
}

export type TaggedConfig = {
  readonly method: Method;
  readonly hyperParameters: Readonly<Record<string, HyperParameter>>;
};

/** A config as the manifest shows it. */
export function taggedConfig(config: TrainConfig): TaggedConfig {
  return { method: config.method, hyperParameters: taggedHyperParameters(config) };
}
