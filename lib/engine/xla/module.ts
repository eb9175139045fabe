import type { TracedDtype } from '../trace/graph';

/**
 * The text of a StableHLO function: one operation a line, in the generic form, which every plug-in reads alike.
 *
 *     %3 = "stablehlo.add"(%1, %2) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
 *
 * Source: openxla/stablehlo, docs/spec.md
 */

export type HloType = TracedDtype | 'float16' | 'bfloat16';

const MLIR: Readonly<Record<HloType, string>> = {
  float32: 'f32',
  int32: 'i32',
  bool: 'i1',
  float16: 'f16',
  bfloat16: 'bf16',
};

/** A value of the function under construction. */
export interface Value {
  readonly ssa: string;
  readonly type: HloType;
  readonly shape: readonly number[];
}

export interface OpOptions {
  /** The operation's attributes, as written between `<{` and `}>`. */
  readonly attributes?: string;
  /** The operation's function: its arguments are scalars of these types. */
  readonly region?: { readonly types: readonly HloType[]; readonly body: (args: readonly Value[]) => readonly Value[] };
}

export interface Module {
  op(name: string, operands: readonly Value[], type: HloType, shape: readonly number[], options?: OpOptions): Value;
  /** An operation with several results. */
  ops(
    name: string,
    operands: readonly Value[],
    results: readonly Omit<Value, 'ssa'>[],
    options?: OpOptions,
  ): readonly Value[];
  /** A constant of one repeated value; equal ones are written once. */
  splat(value: number, type: HloType, shape: readonly number[]): Value;
  /** A constant; large ones become arguments, equal ones are one. */
  constant(values: readonly number[], type: TracedDtype, shape: readonly number[]): Value;
  /** Numbers 0, 1, 2 along an axis. */
  iota(shape: readonly number[], axis: number): Value;
  argument(name: string, type: HloType, shape: readonly number[]): Value;
  /** Constants that became arguments, after those declared. */
  readonly large: readonly LargeConstant[];
  /** @param results with the argument, if any, whose memory a result takes over */
  finish(name: string, results: readonly { readonly value: Value; readonly takes?: string }[]): string;
}

export interface LargeConstant {
  readonly type: TracedDtype;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export const tensorType = ({ type, shape }: Omit<Value, 'ssa'>): string =>
  `tensor<${shape.map((d) => `${d}x`).join('')}${MLIR[type]}>`;

export const i64Array = (values: readonly number[]): string =>
  values.length === 0 ? 'array<i64>' : `array<i64: ${values.join(', ')}>`;

/** More numbers than this would make the text of a large model many megabytes. */
const MOST_WRITTEN = 64;

export function createModule(): Module {
  /** Constants, at the head of the function, where every operation sees them. */
  const head: string[] = [];
  const top: string[] = [];
  /** Where operations are written: the function, or a region of one of its operations. */
  let lines = top;
  const once = new Map<string, Value>();
  const declared: { readonly name: string; readonly value: Value }[] = [];
  const large: LargeConstant[] = [];
  let count = 0;
  const fresh = () => `%${count++}`;

  const hoisted = (key: string, make: () => Value): Value => {
    const known = once.get(key);
    if (known) return known;
    const value = make();
    once.set(key, value);
    return value;
  };
  const literal = (text: string, type: HloType, shape: readonly number[]): Value =>
    hoisted(`${text} ${tensorType({ type, shape })}`, () => {
      const value = { ssa: fresh(), type, shape };
      head.push(
        `    ${value.ssa} = "stablehlo.constant"() <{value = dense<${text}> : ${tensorType(value)}}> : () -> ${tensorType(value)}`,
      );
      return value;
    });
  const region = ({ types, body }: NonNullable<OpOptions['region']>): string => {
    const outer = lines;
    lines = [];
    try {
      const args = types.map((type) => ({ ssa: fresh(), type, shape: [] }));
      const results = body(args);
      const formal = args.map((a) => `${a.ssa}: ${tensorType(a)}`).join(', ');
      const given = `"stablehlo.return"(${results.map((r) => r.ssa).join(', ')}) : (${results.map(tensorType).join(', ')}) -> ()`;
      return ` ({\n    ^bb0(${formal}):\n${lines.join('\n')}\n    ${given}\n    })`;
    } finally {
      lines = outer;
    }
  };

  const module: Module = {
    op: (name, operands, type, shape, options) => module.ops(name, operands, [{ type, shape }], options)[0]!,
    ops: (name, operands, results, { attributes, region: inner } = {}) => {
      const body = inner ? region(inner) : '';
      const values = results.map(({ type, shape }) => ({ ssa: fresh(), type, shape }));
      lines.push(
        `    ${values.map((v) => v.ssa).join(', ')} = "stablehlo.${name}"(${operands.map((o) => o.ssa).join(', ')})` +
          `${attributes ? ` <{${attributes}}>` : ''}${body} : (${operands.map(tensorType).join(', ')}) -> ` +
          (values.length === 1 ? tensorType(values[0]!) : `(${values.map(tensorType).join(', ')})`),
      );
      return values;
    },
    splat: (value, type, shape) => literal(numberText(value, type), type, shape),
    constant: (values, type, shape) => {
      if (values.length > 0 && values.every((v) => Object.is(v, values[0])))
        return module.splat(values[0]!, type, shape);
      if (values.length <= MOST_WRITTEN) {
        const flat = literal(`[${values.map((v) => numberText(v, type)).join(', ')}]`, type, [values.length]);
        if (shape.length === 1) return flat;
        return hoisted(`${flat.ssa} as ${shape}`, () => {
          const value = { ssa: fresh(), type, shape };
          head.push(
            `    ${value.ssa} = "stablehlo.reshape"(${flat.ssa}) : (${tensorType(flat)}) -> ${tensorType(value)}`,
          );
          return value;
        });
      }
      const counted = type === 'int32' && shape.length === 1 && values.every((v, i) => v === i);
      if (counted) return module.iota(shape, 0);
      const known = large.findIndex(
        (l) => l.type === type && String(l.shape) === String(shape) && equal(l.values, values),
      );
      if (known < 0) large.push({ type, shape, values });
      return { ssa: `%const${known < 0 ? large.length - 1 : known}`, type, shape };
    },
    iota: (shape, axis) => module.op('iota', [], 'int32', shape, { attributes: `iota_dimension = ${axis} : i64` }),
    argument: (name, type, shape) => {
      const value = { ssa: `%arg${declared.length}`, type, shape };
      declared.push({ name, value });
      return value;
    },
    large,
    finish: (name, results) => {
      const takers = new Map(results.flatMap(({ takes }, i) => (takes === undefined ? [] : [[takes, i] as const])));
      const formal = declared.map(({ name: argument, value }) => {
        const result = takers.get(argument);
        return `${value.ssa}: ${tensorType(value)}${result === undefined ? '' : ` {tf.aliasing_output = ${result} : i32}`}`;
      });
      const constants = large.map((l, i) => `%const${i}: ${tensorType(l)}`);
      const types = results.map(({ value }) => tensorType(value));
      return [
        `module @${name.replace(/[^\w]/g, '_')} attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {`,
        `  func.func public @main(${[...formal, ...constants].join(', ')}) -> (${types.join(', ')}) {`,
        ...head,
        ...top,
        `    "func.return"(${results.map(({ value }) => value.ssa).join(', ')}) : (${types.join(', ')}) -> ()`,
        '  }',
        '}',
        '',
      ].join('\n');
    },
  };
  return module;
}

const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, i) => Object.is(v, b[i]));

/** As MLIR reads it: bits in hexadecimal where decimal digits cannot say it; a float has its point. */
function numberText(value: number, type: HloType): string {
  if (type === 'bool') return value ? 'true' : 'false';
  if (type === 'int32') return String(Math.trunc(value));
  if (type !== 'float32')
    throw new Error(`engine: a constant of type ${type} cannot be written; convert a float32 one`);
  const float = Math.fround(value);
  if (!Number.isFinite(float)) return Number.isNaN(float) ? '0x7FC00000' : float > 0 ? '0x7F800000' : '0xFF800000';
  // Nine digits tell every float32 apart.
  return float.toExponential(8);
}
