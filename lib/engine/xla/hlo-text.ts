import type { TracedDtype } from '../trace/graph';
import type { Axis } from './sharding';

/** How a StableHLO module writes types, numbers and what lies where. Source: openxla/stablehlo, docs/spec.md; openxla/shardy */

export type HloType = TracedDtype | 'float16' | 'bfloat16' | 'uint8';

const MLIR: Readonly<Record<HloType, string>> = {
  float32: 'f32',
  int32: 'i32',
  bool: 'i1',
  float16: 'f16',
  bfloat16: 'bf16',
  uint8: 'ui8',
};

/** What a value is like. */
export interface HloSpec {
  readonly type: HloType;
  readonly shape: readonly number[];
}

export const tensorType = ({ type, shape }: HloSpec): string =>
  `tensor<${shape.map((d) => `${d}x`).join('')}${MLIR[type]}>`;

export const i64Array = (values: readonly number[]): string =>
  values.length === 0 ? 'array<i64>' : `array<i64: ${values.join(', ')}>`;

/** The mesh has one axis, "d". */
export const sharding = (shape: readonly number[], axis: Axis): string => `#sdy.sharding${dimensions(shape, axis)}`;
export const dimensions = (shape: readonly number[], axis: Axis): string =>
  `<@mesh, [${shape.map((_, i) => (i === axis ? '{"d"}' : '{}')).join(', ')}]>`;

/** As MLIR reads it: bits in hexadecimal where decimal digits cannot say it; a float has its point. */
export function numberText(value: number, type: HloType): string {
  if (type === 'bool') return value ? 'true' : 'false';
  if (type === 'int32') return String(Math.trunc(value));
  if (Object.is(value, 0)) return '0.0';
  if (type !== 'float32')
    throw new Error(`engine: a constant of type ${type} cannot be written; convert a float32 one`);
  const float = Math.fround(value);
  if (!Number.isFinite(float)) return Number.isNaN(float) ? '0x7FC00000' : float > 0 ? '0x7F800000' : '0xFF800000';
  // Nine digits tell every float32 apart.
  return float.toExponential(8);
}
