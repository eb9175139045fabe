import * as v from 'valibot';
import { above0, checkFields, flag, looseFields, range, text, whole } from '../schema';

/** How positions beyond those of pre-training are reached: the frequencies are changed once, for every row. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      /** Of queries and keys, each. */
      readonly attentionFactor: number;
      /** Turns within the original context: frequencies of more stay, those of fewer are divided by the factor. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** The range between the two reaches out to whole numbers. */
      readonly truncate: boolean;
      readonly originalMaxPositionEmbeddings: number;
    };

export interface RopeSettings {
  readonly ropeTheta: number;
  /** Nothing given: the plain frequencies. */
  readonly ropeScaling?: RopeScaling;
}

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
  yarn: [
    ...['factor', 'original_max_position_embeddings', 'attention_factor', 'beta_fast', 'beta_slow'],
    ...['mscale', 'mscale_all_dim', 'truncate'],
  ],
} as const;

/** Fields of one type that savers leave beside another, which transformers does not read there. */
const IGNORED: readonly string[] = [...Object.values(FIELDS).flat(), 'finetuned', 'short_factor', 'long_factor'];

const least1 = v.pipe(v.number('a number of at least 1'), v.finite(), v.minValue(1, 'a number of at least 1'));

const SCALING = looseFields({
  rope_type: text,
  type: text,
  rope_theta: above0,
  factor: least1,
  low_freq_factor: above0,
  high_freq_factor: above0,
  original_max_position_embeddings: whole(1, 2 ** 31 - 1),
  attention_factor: above0,
  beta_fast: above0,
  beta_slow: above0,
  mscale: range(0, 1e6),
  mscale_all_dim: range(0, 1e6),
  truncate: flag,
  partial_rotary_factor: above0,
});
const ROPE = looseFields({ rope_scaling: SCALING, rope_parameters: SCALING });

/**
 * Theta and scaling as config.json has them. transformers 5 writes `rope_parameters`, earlier ones `rope_theta` and
 * `rope_scaling`; where both stand, `rope_scaling` counts, as transformers has it.
 *
 * `dynamic` begins to change the frequencies beyond `max_position_embeddings`. No row is longer here: it is plain.
 *
 * @param raw with a `rope_theta` that is a positive number, if any
 * @param maxPositionEmbeddings stands in for the original context of a llama3 or yarn where that is not given
 * @param file named in messages
 * @param refuse throws, naming the field and what it must be
 * Source: transformers modeling_rope_utils.py, convert_rope_params_to_dict and standardize_rope_params
 */
export function ropeSettings(
  raw: Fields,
  maxPositionEmbeddings: number,
  file: string,
  refuse: (field: string, wanted: string) => never,
): RopeSettings {
  const given = checkFields(ROPE, raw, `model: ${file}`, 'correct it as the model was made, or use another model');
  const isFilled = (value: unknown) => value !== null && value !== undefined && JSON.stringify(value) !== '{}';
  const field = isFilled(raw.rope_scaling) ? 'rope_scaling' : 'rope_parameters';
  const rope = given[field] ?? {};
  const ropeTheta = rope.rope_theta ?? (raw.rope_theta as number | null | undefined) ?? 10_000;
  const type = (rope.rope_type ?? rope.type ?? 'default') as keyof typeof FIELDS;
  if (!Object.hasOwn(FIELDS, type)) refuse(field, `of type ${Object.keys(FIELDS).join(', ')} (no other is built)`);
  if ((rope.partial_rotary_factor ?? 1) !== 1) refuse(field, 'without partial_rotary_factor, or with 1');
  const known: readonly string[] = ['type', 'rope_type', 'rope_theta', 'partial_rotary_factor', ...IGNORED];
  const unknown = Object.keys(rope).find((name) => !known.includes(name) && rope[name] !== null);
  // A default type has no further fields: transformers reads none there.
  if (unknown !== undefined && type !== 'default') refuse(field, `without "${unknown}" (it is not built)`);
  if (unknown !== undefined && typeof rope[unknown] === 'object') refuse(field, 'one set of fields for every layer');

  const needed = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number =>
    rope[name] ?? refuse(field, `with "${name}", which type ${type} needs`);
  if (type === 'default' || type === 'dynamic') return { ropeTheta };
  const factor = needed('factor');
  if (type === 'linear') return factor === 1 ? { ropeTheta } : { ropeTheta, ropeScaling: { type, factor } };
  const original = (raw.original_max_position_embeddings as number | null | undefined) ?? undefined;
  const originalMaxPositionEmbeddings = original ?? rope.original_max_position_embeddings ?? maxPositionEmbeddings;
  if (type === 'yarn') {
    const [betaFast, betaSlow, truncate] = [rope.beta_fast ?? 32, rope.beta_slow ?? 1, rope.truncate ?? true];
    const attentionFactor = rope.attention_factor ?? yarnAttention(factor, rope.mscale, rope.mscale_all_dim);
    const of = { betaFast, betaSlow, truncate, originalMaxPositionEmbeddings };
    return { ropeTheta, ropeScaling: { type, factor, attentionFactor, ...of } };
  }
  const ropeScaling = {
    type,
    factor,
    lowFreqFactor: needed('low_freq_factor'),
    highFreqFactor: needed('high_freq_factor'),
    originalMaxPositionEmbeddings,
  };
  if (ropeScaling.highFreqFactor <= ropeScaling.lowFreqFactor) {
    refuse(field, 'with "high_freq_factor" above "low_freq_factor"');
  }
  return { ropeTheta, ropeScaling };
}

/** Attention is made sharper as the context grows: 0.1 ln(factor) + 1, or the ratio of two such numbers. */
function yarnAttention(factor: number, mscale?: number | null, mscaleAllDim?: number | null): number {
  const scale = (by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? scale(mscale) / scale(mscaleAllDim) : scale(1);
}

/**
 * The angle that each pair of a head's numbers turns from one position to the next, [D/2].
 *
 * Source: transformers modeling_rope_utils.py, _compute_linear_scaling_rope_parameters, _compute_llama3_parameters,
 * _compute_yarn_parameters
 */
export function inverseFrequencies(headDim: number, { ropeTheta, ropeScaling }: RopeSettings): Float32Array {
  // float32 throughout, as torch has it: a Float32Array rounds what is put into it.
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / ropeTheta ** ((2 * i) / headDim));
  if (!ropeScaling) return plain;
  if (ropeScaling.type === 'linear') return plain.map((frequency) => frequency / ropeScaling.factor);
  const { factor, originalMaxPositionEmbeddings: original } = ropeScaling;
  if (ropeScaling.type === 'yarn') {
    const { betaFast, betaSlow, truncate } = ropeScaling;
    const placeOf = (turns: number) =>
      (headDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
    const [low, high] = [placeOf(betaFast), placeOf(betaSlow)];
    const first = Math.max(truncate ? Math.floor(low) : low, 0);
    const last = Math.min(truncate ? Math.ceil(high) : high, headDim - 1);
    const width = last === first ? 0.001 : last - first;
    return plain.map((frequency, i) => {
      const slow = Math.min(Math.max((i - first) / width, 0), 1);
      return (frequency / factor) * slow + frequency * (1 - slow);
    });
  }
  const { lowFreqFactor, highFreqFactor } = ropeScaling;
  return plain.map((frequency) => {
    const wavelength = Math.fround((2 * Math.PI) / frequency);
    if (wavelength < original / highFreqFactor) return frequency;
    if (wavelength > original / lowFreqFactor) return frequency / factor;
    const smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
