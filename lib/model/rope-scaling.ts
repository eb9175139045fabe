import * as v from 'valibot';
import { above0, checkFields, looseFields, text, whole } from '../schema';

/** How positions beyond those of pre-training are reached: the frequencies are changed once, for every row. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
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
} as const;

const least1 = v.pipe(v.number('a number of at least 1'), v.finite(), v.minValue(1, 'a number of at least 1'));

const SCALING = looseFields({
  rope_type: text,
  type: text,
  rope_theta: above0,
  factor: least1,
  low_freq_factor: above0,
  high_freq_factor: above0,
  original_max_position_embeddings: whole(1, 2 ** 31 - 1),
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
 * @param maxPositionEmbeddings stands in for a llama3's own context where that is not given
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
  const known: readonly string[] = ['type', 'rope_type', 'rope_theta', 'partial_rotary_factor', ...FIELDS[type]];
  const unknown = Object.keys(rope).find((name) => !known.includes(name) && rope[name] !== null);
  // A default type has no further fields: transformers reads none there.
  if (unknown !== undefined && type !== 'default') refuse(field, `without "${unknown}" (it is not built)`);
  if (unknown !== undefined && typeof rope[unknown] === 'object') refuse(field, 'one set of fields for every layer');

  const needed = (name: (typeof FIELDS)[typeof type][number]): number =>
    rope[name] ?? refuse(field, `with "${name}", which type ${type} needs`);
  if (type === 'default' || type === 'dynamic') return { ropeTheta };
  const factor = needed('factor');
  if (type === 'linear') return factor === 1 ? { ropeTheta } : { ropeTheta, ropeScaling: { type, factor } };
  const original = (raw.original_max_position_embeddings as number | null | undefined) ?? undefined;
  const ropeScaling = {
    type,
    factor,
    lowFreqFactor: needed('low_freq_factor'),
    highFreqFactor: needed('high_freq_factor'),
    originalMaxPositionEmbeddings: original ?? rope.original_max_position_embeddings ?? maxPositionEmbeddings,
  };
  if (ropeScaling.highFreqFactor <= ropeScaling.lowFreqFactor) {
    refuse(field, 'with "high_freq_factor" above "low_freq_factor"');
  }
  return { ropeTheta, ropeScaling };
}

/**
 * The angle that each pair of a head's numbers turns from one position to the next, [D/2].
 *
 * Source: transformers modeling_rope_utils.py, _compute_linear_scaling_rope_parameters, _compute_llama3_parameters
 */
export function inverseFrequencies(headDim: number, { ropeTheta, ropeScaling }: RopeSettings): Float32Array {
  // float32 throughout, as torch has it: a Float32Array rounds what is put into it.
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / ropeTheta ** ((2 * i) / headDim));
  if (!ropeScaling) return plain;
  if (ropeScaling.type === 'linear') return plain.map((frequency) => frequency / ropeScaling.factor);
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = ropeScaling;
  return plain.map((frequency) => {
    const wavelength = Math.fround((2 * Math.PI) / frequency);
    if (wavelength < original / highFreqFactor) return frequency;
    if (wavelength > original / lowFreqFactor) return frequency / factor;
    const smooth = (original / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
