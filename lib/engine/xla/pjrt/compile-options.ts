import { Writer } from 'protobufjs/minimal';

/**
 * CompileOptionsProto.
 * Source: openxla/xla, xla/pjrt/proto/compile_options.proto (field numbers).
 */

export type Flags = Readonly<Record<string, string | number | boolean>>;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const tag = (field: number, wire: number) => (field << 3) | wire;

/**
 * @param partitions devices that share the program's arguments by their Shardy annotations
 * @param flags XLA's own, by name (`xla_gpu_...`); the plug-in refuses a name it does not know
 */
export function encodeCompileOptions(partitions: number, flags: Flags = {}): Uint8Array {
  const w = Writer.create();
  w.uint32(tag(3, BYTES)).fork();
  w.uint32(tag(4, VARINT)).int64(1);
  w.uint32(tag(5, VARINT)).int64(partitions);
  if (partitions > 1) {
    w.uint32(tag(6, VARINT)).bool(true);
    w.uint32(tag(9, BYTES)).bytes(deviceAssignment(partitions));
    w.uint32(tag(19, VARINT)).bool(true);
  }
  w.ldelim();
  for (const [name, value] of Object.entries(flags)) {
    w.uint32(tag(7, BYTES)).fork();
    w.uint32(tag(1, BYTES)).string(name);
    w.uint32(tag(2, BYTES)).fork();
    if (typeof value === 'string') w.uint32(tag(1, BYTES)).string(value);
    else if (typeof value === 'boolean') w.uint32(tag(2, VARINT)).bool(value);
    else if (Number.isInteger(value)) w.uint32(tag(3, VARINT)).int64(value);
    else w.uint32(tag(4, FIXED64)).double(value);
    w.ldelim().ldelim();
  }
  return w.finish();
}

/** Partition i runs on device i. */
function deviceAssignment(partitions: number): Uint8Array {
  const w = Writer.create();
  w.uint32(tag(1, VARINT)).int32(1);
  w.uint32(tag(2, VARINT)).int32(partitions);
  for (let i = 0; i < partitions; i++) {
    w.uint32(tag(3, BYTES)).fork().uint32(tag(1, BYTES)).fork().int64(i).ldelim().ldelim();
  }
  return w.finish();
}
