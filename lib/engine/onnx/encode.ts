import { type Writer, Writer as WriterClass } from 'protobufjs/minimal';

/**
 * ONNX model bytes. Only the fields that a traced program uses are written.
 * Source: onnx/onnx.proto (field numbers), IR version 10, operator set 21.
 */

export type OnnxType = 'float32' | 'int32' | 'int64' | 'bool' | 'float16' | 'bfloat16';

/** TensorProto.DataType */
export const ONNX_TYPE_ID: Readonly<Record<OnnxType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};

/** A dimension known only when the program runs. */
export const UNKNOWN = -1;

/** A tensor's type and shape, as the graph's inputs and outputs declare it. */
export interface ValueInfo {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
}

/** A constant: its bytes here, or a place in a file that ONNX Runtime maps itself. */
export interface Initializer extends ValueInfo {
  readonly data: Uint8Array | { readonly file: string; readonly offset: number; readonly length: number };
}

export type Attribute = number | { readonly float: number } | string | readonly number[] | Graph;

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Bytes of each output, for what is known before a run; no part of the file. */
  readonly bytes?: readonly number[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** Operator set of the standard ops; the contributed ones (com.microsoft) are version 1. */
const OPSET = 21;

export function encodeModel(graph: Graph): Uint8Array {
  const w = WriterClass.create();
  w.uint32(tag(1, 0)).int64(10);
  w.uint32(tag(2, 2)).string('med42-workbook');
  message(w, 7, (g) => writeGraph(g, graph));
  for (const [domain, version] of [
    ['', OPSET],
    ['com.microsoft', 1],
  ] as const) {
    message(w, 8, (o) => {
      o.uint32(tag(1, 2)).string(domain);
      o.uint32(tag(2, 0)).int64(version);
    });
  }
  return w.finish();
}

const tag = (field: number, wireType: 0 | 2 | 5) => (field << 3) | wireType;

function message(w: Writer, field: number, write: (inner: Writer) => void): void {
  w.uint32(tag(field, 2)).fork();
  write(w);
  w.ldelim();
}

function writeGraph(w: Writer, graph: Graph): void {
  for (const node of graph.nodes) message(w, 1, (n) => writeNode(n, node));
  w.uint32(tag(2, 2)).string(graph.name);
  for (const initializer of graph.initializers) message(w, 5, (t) => writeTensor(t, initializer));
  for (const input of graph.inputs) message(w, 11, (v) => writeValueInfo(v, input));
  for (const output of graph.outputs) message(w, 12, (v) => writeValueInfo(v, output));
}

function writeNode(w: Writer, node: Node): void {
  for (const input of node.inputs) w.uint32(tag(1, 2)).string(input);
  for (const output of node.outputs) w.uint32(tag(2, 2)).string(output);
  w.uint32(tag(3, 2)).string(node.outputs[0] ?? '');
  w.uint32(tag(4, 2)).string(node.op);
  for (const [name, value] of Object.entries(node.attributes)) message(w, 5, (a) => writeAttribute(a, name, value));
  if (node.domain !== '') w.uint32(tag(7, 2)).string(node.domain);
}

/** AttributeProto.AttributeType: 1 float, 2 int, 3 string, 5 graph, 7 ints. */
function writeAttribute(w: Writer, name: string, value: Attribute): void {
  w.uint32(tag(1, 2)).string(name);
  const type = (id: number) => w.uint32(tag(20, 0)).int32(id);
  if (typeof value === 'number') {
    w.uint32(tag(3, 0)).int64(value);
    type(2);
  } else if (typeof value === 'string') {
    w.uint32(tag(4, 2)).string(value);
    type(3);
  } else if ('nodes' in value) {
    message(w, 6, (g) => writeGraph(g, value));
    type(5);
  } else if ('float' in value) {
    w.uint32(tag(2, 5)).float(value.float);
    type(1);
  } else {
    for (const v of value) w.uint32(tag(8, 0)).int64(v);
    type(7);
  }
}

function writeTensor(w: Writer, t: Initializer): void {
  for (const dim of t.shape) w.uint32(tag(1, 0)).int64(dim);
  w.uint32(tag(2, 0)).int32(ONNX_TYPE_ID[t.type]);
  w.uint32(tag(8, 2)).string(t.name);
  if (t.data instanceof Uint8Array) {
    w.uint32(tag(9, 2)).bytes(t.data);
    return;
  }
  const place = { location: t.data.file, offset: String(t.data.offset), length: String(t.data.length) };
  for (const [key, value] of Object.entries(place)) {
    message(w, 13, (e) => {
      e.uint32(tag(1, 2)).string(key);
      e.uint32(tag(2, 2)).string(value);
    });
  }
  w.uint32(tag(14, 0)).int32(1);
}

function writeValueInfo(w: Writer, v: ValueInfo): void {
  w.uint32(tag(1, 2)).string(v.name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.uint32(tag(1, 0)).int32(ONNX_TYPE_ID[v.type]);
      message(tensor, 2, (shape) => {
        for (const dim of v.shape) {
          message(shape, 1, (d) => {
            if (dim !== UNKNOWN) d.uint32(tag(1, 0)).int64(dim);
          });
        }
      });
    }),
  );
}
