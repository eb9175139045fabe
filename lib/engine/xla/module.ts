import type { TracedDtype } from '../trace/graph';
import { dimensions, type HloSpec, type HloType, numberText, sharding, tensorType } from './hlo-text';
import { type Axis, partShape } from './sharding';

/**
 * The text of a StableHLO function: one operation a line, in the generic form, which every plug-in reads alike.
 *
 *     %3 = "stablehlo.add"(%1, %2) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
 *
 * Source: openxla/stablehlo, docs/spec.md
 */

/** A value of the function under construction. */
export interface Value extends HloSpec {
  readonly ssa: string;
}

export interface OpOptions {
  /** The operation's attributes, as written between `<{` and `}>`. */
  readonly attributes?: string;
  /** The operation's functions. */
  readonly regions?: readonly Region[];
}

/** A function within an operation; it may read values from outside. */
export interface Region {
  readonly given: readonly HloSpec[];
  readonly body: (args: readonly Value[]) => readonly Value[];
}

export type Precision = 'float32' | 'bf16';

export interface Module {
  /** What the operands of matrix products are rounded to. */
  readonly products: Precision;
  readonly devices: number;
  op(name: string, operands: readonly Value[], type: HloType, shape: readonly number[], options?: OpOptions): Value;
  /** An operation with several results. */
  ops(name: string, operands: readonly Value[], results: readonly HloSpec[], options?: OpOptions): readonly Value[];
  /** A constant of one repeated value; equal ones are written once. */
  splat(value: number, type: HloType, shape: readonly number[]): Value;
  /** A constant; large ones become arguments, equal ones are one. */
  constant(values: readonly number[], type: TracedDtype, shape: readonly number[]): Value;
  /** Numbers 0, 1, 2 along an axis. */
  iota(shape: readonly number[], axis: number): Value;
  /** @param axis along which devices split it */
  argument(name: string, type: HloType, shape: readonly number[], axis?: Axis): Value;
  /** The same value, split along an axis or whole on each device; with one device nothing is written. */
  lay(value: Value, axis: Axis): Value;
  /**
   * What each device computes of its own rows of a batch, the first axis of all values: for what the compiler cannot split.
   * `body` is given a device's operands, and what its results are like.
   */
  eachOnItsOwn(
    operands: readonly Value[],
    results: readonly HloSpec[],
    body: (own: readonly Value[], parts: readonly HloSpec[]) => readonly Value[],
  ): readonly Value[];
  /** Constants that became arguments, after those declared. */
  readonly large: readonly LargeConstant[];
  finish(name: string, results: readonly Result[]): string;
}

export interface Result {
  readonly value: Value;
  /** The argument whose memory and axis it takes over. */
  readonly takes?: string;
  /** Along which devices split it; without one, and without `takes`, it is whole on each. */
  readonly axis?: Axis;
}

/** What a reduction's function is given. */
export const scalars = (types: readonly HloType[]): HloSpec[] => types.map((type) => ({ type, shape: [] }));

export interface LargeConstant {
  readonly type: TracedDtype;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** More numbers than this would make the text of a large model many megabytes. */
const MOST_WRITTEN = 64;

/** @param devices that share the module's arguments, by their axes */
export function createModule(products: Precision = 'float32', devices = 1): Module {
  /** Constants, at the head of the function, where every operation sees them. */
  const head: string[] = [];
  const top: string[] = [];
  /** Where operations are written: the function, or a region of one of its operations. */
  let lines = top;
  const once = new Map<string, Value>();
  const declared: { readonly name: string; readonly value: Value; readonly axis: Axis }[] = [];
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
  const region = ({ given: formal, body }: Region, dialect = 'stablehlo'): string => {
    const outer = lines;
    lines = [];
    try {
      const args = formal.map(({ type, shape }) => ({ ssa: fresh(), type, shape }));
      const results = body(args);
      const declaration = args.map((a) => `${a.ssa}: ${tensorType(a)}`).join(', ');
      const back = `"${dialect}.return"(${results.map((r) => r.ssa).join(', ')}) : (${results.map(tensorType).join(', ')}) -> ()`;
      return `{\n    ^bb0(${declaration}):\n${lines.join('\n')}\n    ${back}\n    }`;
    } finally {
      lines = outer;
    }
  };

  const module: Module = {
    products,
    devices,
    op: (name, operands, type, shape, options) => module.ops(name, operands, [{ type, shape }], options)[0]!,
    ops: (name, operands, results, { attributes, regions = [] } = {}) => {
      const body = regions.length > 0 ? ` (${regions.map((one) => region(one)).join(', ')})` : '';
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
    argument: (name, type, shape, axis) => {
      const value = { ssa: `%arg${declared.length}`, type, shape };
      declared.push({ name, value, axis });
      return value;
    },
    lay: (value, axis) => {
      if (devices === 1) return value;
      const laid = { ...value, ssa: fresh() };
      lines.push(
        `    ${laid.ssa} = "sdy.sharding_constraint"(${value.ssa}) <{sharding = ${sharding(value.shape, axis)}}> : ` +
          `(${tensorType(value)}) -> ${tensorType(value)}`,
      );
      return laid;
    },
    eachOnItsOwn: (operands, results, body) => {
      if (devices === 1) return body(operands, results);
      const part = <T extends HloSpec>(whole: T): T => ({
        ...whole,
        shape: partShape(whole.shape, 0, devices),
      });
      const own = region({ given: operands.map(part), body: (args) => body(args, results.map(part)) }, 'sdy');
      const values = results.map(({ type, shape }) => ({ ssa: fresh(), type, shape }));
      const laid = (all: readonly HloSpec[]) =>
        `#sdy.sharding_per_value<[${all.map(({ shape }) => dimensions(shape, 0)).join(', ')}]>`;
      lines.push(
        `    ${values.map((v) => v.ssa).join(', ')} = "sdy.manual_computation"(${operands.map((o) => o.ssa).join(', ')}) ` +
          `<{in_shardings = ${laid(operands)}, out_shardings = ${laid(results)}, manual_axes = #sdy<manual_axes{"d"}>}> ` +
          `(${own}) : (${operands.map(tensorType).join(', ')}) -> (${values.map(tensorType).join(', ')})`,
      );
      return values;
    },
    large,
    finish: (name, results) => {
      const takers = new Map(results.flatMap(({ takes }, i) => (takes === undefined ? [] : [[takes, i] as const])));
      const written = (attributes: readonly string[]) => (attributes.length > 0 ? ` {${attributes.join(', ')}}` : '');
      const laid = (shape: readonly number[], axis: Axis) =>
        devices === 1 ? [] : [`sdy.sharding = ${sharding(shape, axis)}`];
      const formal = declared.map(({ name: argument, value, axis }) => {
        const result = takers.get(argument);
        const alias = result === undefined ? [] : [`tf.aliasing_output = ${result} : i32`];
        return `${value.ssa}: ${tensorType(value)}${written([...alias, ...laid(value.shape, axis)])}`;
      });
      const constants = large.map((l, i) => `%const${i}: ${tensorType(l)}${written(laid(l.shape, undefined))}`);
      const types = results.map(({ value }) => tensorType(value));
      const given = results.map(({ value, takes, axis: own }) => {
        const { axis } = declared.find((one) => one.name === takes) ?? { axis: own };
        return `${tensorType(value)}${written(laid(value.shape, axis))}`;
      });
      return [
        `module @${name.replace(/[^\w]/g, '_')} attributes {mhlo.num_partitions = ${devices} : i32, mhlo.num_replicas = 1 : i32} {`,
        ...(devices > 1 ? [`  sdy.mesh @mesh = <["d"=${devices}]>`] : []),
        `  func.func public @main(${[...formal, ...constants].join(', ')}) -> (${given.join(', ')}) {`,
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
