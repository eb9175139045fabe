import { createHash } from 'node:crypto';
import { isOpen, reshapeTarget } from '../open-size';
import {
  type Attribute,
  type Graph,
  type Initializer,
  type Node,
  type OnnxType,
  UNKNOWN,
  type ValueInfo,
} from './encode';

/** What a device's operators allow; what they don't, a GPU would hand back to the CPU in the middle of a step. */
export interface OnnxTarget {
  readonly fusedMatMul: boolean;
  readonly integerMod: boolean;
  /** Scan, for work in blocks that stay in a core's cache. */
  readonly blocks: boolean;
}

/** A value of the graph under construction: what a traced tensor stands for. */
export interface Value {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: 'com.microsoft';
}

export interface Producer {
  readonly op: string;
  readonly operands: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** What the lowerings build on: nodes in order, constants stored once, sub-graphs for Scan. */
export interface GraphBuilder {
  readonly target: OnnxTarget;
  /** Adds a node with one output. */
  node(op: string, inputs: readonly Value[], type: OnnxType, shape: readonly number[], options?: NodeOptions): Value;
  /** Adds a node with several outputs. */
  nodes(
    op: string,
    inputs: readonly Value[],
    outputs: readonly Omit<Value, 'name'>[],
    options?: NodeOptions,
  ): readonly Value[];
  /** The node that made a value, if one did: lowerings merge with it where that saves a pass over memory. */
  producerOf(value: Value): Producer | undefined;
  /** A constant; equal ones share one initializer. @throws when its size or values are of a length left open */
  constant(values: readonly number[], type: OnnxType, shape: readonly number[]): Value;
  /** What a Reshape from one shape to another is told. */
  reshapeTo(from: readonly number[], to: readonly number[]): Value;
  /** A constant that ONNX Runtime reads from a file. */
  frozen(name: string, initializer: Omit<Initializer, 'name'>): Value;
  /** A graph input. */
  input(name: string, type: OnnxType, shape: readonly number[]): Value;
  /** Traces `body` into a graph of its own, which may use values of this one. */
  subgraph(
    name: string,
    inputs: readonly Omit<Value, 'name'>[],
    body: (inputs: readonly Value[]) => readonly Value[],
  ): Graph;
  /**
   * The finished graph. An output that is only a reshaped value is declared in that value's own shape, so that
   * nothing is copied: its bytes are the same, and the caller knows the shape it wants.
   */
  finish(name: string, outputs: readonly { readonly name: string; readonly value: Value }[]): Graph;
}

/** @param open sizes that stand for lengths which each run chooses (`open-size.ts`) */
export function createGraphBuilder(target: OnnxTarget, open: readonly number[] = []): GraphBuilder {
  let nodes: Node[] = [];
  const initializers: Initializer[] = [];
  const inputs: ValueInfo[] = [];
  const constants = new Map<string, Value>();
  const producers = new Map<string, Producer>();
  let count = 0;
  const fresh = (hint: string) => `${hint}_${count++}`;

  const stored = (values: readonly number[], type: OnnxType, shape: readonly number[]): Value => {
    const data = encodeValues(values, type);
    const key = `${type}[${shape}]${data.length > 64 ? createHash('sha1').update(data).digest('base64') : values}`;
    const known = constants.get(key);
    if (known) return known;
    const value = { name: fresh('const'), type, shape };
    initializers.push({ ...value, data });
    constants.set(key, value);
    return value;
  };
  /** As the file declares it: a length left open is unknown until a run. */
  const declaredShape = (shape: readonly number[]) => shape.map((d) => (isOpen(d, open) ? UNKNOWN : d));

  const builder: GraphBuilder = {
    target,
    node: (op, operands, type, shape, options) => builder.nodes(op, operands, [{ type, shape }], options)[0]!,
    nodes: (op, operands, outputs, options = {}) => {
      const values = outputs.map((o) => ({ name: fresh(op), type: o.type, shape: o.shape }));
      for (const value of values) producers.set(value.name, { op, operands, attributes: options.attributes ?? {} });
      nodes.push({
        op,
        domain: options.domain ?? '',
        inputs: operands.map((v) => v.name),
        outputs: values.map((v) => v.name),
        attributes: options.attributes ?? {},
        bytes: values.map(({ type, shape }) => bytesOf(type) * shape.reduce((a, b) => a * b, 1)),
      });
      return values;
    },
    producerOf: (value) => producers.get(value.name),
    constant: (values, type, shape) => {
      if ([...shape, ...(type === 'int64' ? values : [])].some((size) => isOpen(size, open))) {
        throw new Error(
          `engine: a constant of shape [${shape}] hangs on a length that each run chooses (one of ${open}); ` +
            'give it as an input, or let an operation broadcast',
        );
      }
      return stored(values, type, shape);
    },
    reshapeTo: (from, to) => stored(reshapeTarget(from, to, open), 'int64', [to.length]),
    frozen: (name, initializer) => {
      const value = { name, type: initializer.type, shape: initializer.shape };
      initializers.push({ ...initializer, name });
      return value;
    },
    input: (name, type, shape) => {
      const value = { name, type, shape };
      inputs.push({ ...value, shape: declaredShape(shape) });
      return value;
    },
    subgraph: (name, inner, body) => {
      const outer = nodes;
      nodes = [];
      try {
        const formal = inner.map((v) => ({ name: fresh(name), type: v.type, shape: v.shape }));
        const outputs = body(formal).map((value) =>
          // A graph's output must be a node's own: an input handed through, or a value of the outer graph, is copied.
          nodes.some((n) => n.outputs.includes(value.name))
            ? value
            : builder.node('Identity', [value], value.type, value.shape),
        );
        return { name: fresh(name), nodes, initializers: [], inputs: formal, outputs };
      } finally {
        nodes = outer;
      }
    },
    finish: (name, outputs) => {
      const produced = new Set(nodes.flatMap((n) => n.outputs));
      const renamed = new Map<string, string>();
      const declared = outputs.map(({ name: output, value: asked }) => {
        let value = asked;
        for (let by = producers.get(value.name); by?.op === 'Reshape'; by = producers.get(value.name)) {
          if (!produced.has(by.operands[0]!.name)) break;
          value = by.operands[0]!;
        }
        // An output is its value under another name: a copy of the state each step would be felt.
        if (produced.has(value.name) && !renamed.has(value.name)) renamed.set(value.name, output);
        else nodes.push({ op: 'Identity', domain: '', inputs: [value.name], outputs: [output], attributes: {} });
        return { name: output, type: value.type, shape: declaredShape(value.shape) };
      });
      const final = reachable(
        nodes.map((n) => rename(n, renamed)),
        declared,
      );
      const used = new Set(final.flatMap(namesUsed));
      return {
        name,
        nodes: final,
        initializers: initializers.filter((i) => used.has(i.name)),
        inputs,
        outputs: declared,
      };
    },
  };
  return builder;
}

function rename(node: Node, names: ReadonlyMap<string, string>): Node {
  const now = (name: string) => names.get(name) ?? name;
  const attributes = Object.entries(node.attributes).map(([key, value]) =>
    typeof value === 'object' && 'nodes' in value
      ? [key, { ...value, nodes: value.nodes.map((n) => rename(n, names)) }]
      : [key, value],
  );
  return {
    ...node,
    inputs: node.inputs.map(now),
    outputs: node.outputs.map(now),
    attributes: Object.fromEntries(attributes),
  };
}

/** Autodiff traces more than is asked for (gradients of inputs, say): keep what the outputs need. */
function reachable(nodes: readonly Node[], outputs: readonly ValueInfo[]): Node[] {
  const needed = new Set(outputs.map((o) => o.name));
  const kept: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of namesUsed(node)) needed.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

/** The names a node reads, those that its sub-graphs take from outside among them. */
export function namesUsed(node: Node): string[] {
  const names = [...node.inputs];
  for (const attribute of Object.values(node.attributes)) {
    if (typeof attribute === 'object' && 'nodes' in attribute) names.push(...attribute.nodes.flatMap(namesUsed));
  }
  return names;
}

function encodeValues(values: ArrayLike<number>, type: OnnxType): Uint8Array {
  const bytes = (array: Float32Array | Int32Array | BigInt64Array | Uint8Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (type) {
    case 'float32':
      return bytes(Float32Array.from(values));
    case 'int32':
      return bytes(Int32Array.from(values));
    case 'int64':
      return bytes(BigInt64Array.from(Array.from(values, (v) => BigInt(v))));
    case 'bool':
      return bytes(Uint8Array.from(values));
    default:
      throw new Error(`engine: a constant of type ${type} cannot be made here; cast a float32 one`);
  }
}

const bytesOf = (type: OnnxType): number =>
  type === 'int64' ? 8 : type === 'float16' || type === 'bfloat16' ? 2 : type === 'bool' ? 1 : 4;
