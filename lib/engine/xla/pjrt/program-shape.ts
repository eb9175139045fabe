import { Reader } from 'protobufjs/minimal';
import { type DeviceDtype, dtypeOfId } from './dtype';

/**
 * What a compiled program takes and gives on each device, read from its optimized HLO: after sharding, so shapes are those
 * of one device's part.
 * Source: openxla/xla, xla/service/hlo.proto and xla/xla_data.proto (field numbers).
 */

export interface TensorType {
  readonly dtype: DeviceDtype;
  readonly shape: readonly number[];
}

export interface ProgramShape {
  readonly parameters: readonly TensorType[];
  readonly results: readonly TensorType[];
  /** Parameters whose memory goes to a result. */
  readonly donates: readonly number[];
}

type Fields = (field: number, reader: Reader) => boolean;

/** Walks one message; `read` answers whether it took the field. */
export function walk(reader: Reader, end: number, read: Fields): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag >>> 3, reader)) reader.skipType(tag & 7);
  }
}

export const message = (reader: Reader, read: Fields): boolean => {
  const bytes = reader.uint32();
  walk(reader, reader.pos + bytes, read);
  return true;
};

/** @param proto HloModuleProto, or HloModuleProtoWithConfig where `withConfig` */
export function readProgramShape(proto: Uint8Array, withConfig: boolean): ProgramShape {
  const parameters: TensorType[] = [];
  const donates = new Set<number>();
  let results: readonly TensorType[] = [];
  const module: Fields = (field, reader) => {
    if (field === 4) {
      return message(reader, (f) => {
        if (f === 1) parameters.push(...readShape(reader));
        else if (f === 2) results = readShape(reader);
        else return false;
        return true;
      });
    }
    // input_output_alias and buffer_donor: the same list, the parameter's number in another field.
    if (field === 8 || field === 18) {
      const number = field === 8 ? 2 : 1;
      return message(reader, (f) => f === 1 && donates.add(readNumber(reader, number)) !== undefined);
    }
    return false;
  };
  const reader = Reader.create(proto);
  if (withConfig) walk(reader, reader.len, (field) => field === 1 && message(reader, module));
  else walk(reader, reader.len, module);
  return { parameters, results, donates: [...donates].sort((a, b) => a - b) };
}

/** One field of a message; 0, protobuf's default, where it is not written. */
function readNumber(reader: Reader, wanted: number): number {
  let value = 0;
  message(reader, (field) => {
    if (field !== wanted) return false;
    value = Number(reader.int64());
    return true;
  });
  return value;
}

const TUPLE = 13;
const BFLOAT16 = 16;

/** The shape, or those of a tuple. XLA numbers its types as PJRT does, bfloat16 aside. */
export function readShape(reader: Reader): readonly TensorType[] {
  const shape: number[] = [];
  const parts: TensorType[] = [];
  let type = 0;
  message(reader, (field) => {
    if (field === 2) type = reader.int32();
    else if (field === 3) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) shape.push(Number(reader.int64()));
    } else if (field === 4) parts.push(...readShape(reader));
    else return false;
    return true;
  });
  if (type === TUPLE) return parts;
  return [{ dtype: type === BFLOAT16 ? 'bfloat16' : dtypeOfId(type), shape }];
}
