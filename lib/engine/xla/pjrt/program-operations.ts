import { Reader } from 'protobufjs/minimal';
import { message, readShape, type TensorType, walk } from './program-shape';

/** One instruction of an optimized program. */
export interface Operation {
  /** As HLO names it: `fusion`, `all-gather-start`, `custom-call`, ... */
  readonly opcode: string;
  /** Of a custom call: `__cublas$lt$matmul`, `__cudnn$fmhaSoftmax`, ...; empty for others. */
  readonly target: string;
  /** Several where it gives a tuple. */
  readonly results: readonly TensorType[];
}

/**
 * Every instruction of an optimized program (`Executable.optimized`), those of inner computations too.
 * Source: openxla/xla, xla/service/hlo.proto (field numbers).
 */
export function readOperations(proto: Uint8Array, withConfig: boolean): readonly Operation[] {
  const found: Operation[] = [];
  const instruction = (reader: Reader) => {
    let [opcode, target] = ['', ''];
    let results: readonly TensorType[] = [];
    message(reader, (field) => {
      if (field === 2) opcode = reader.string();
      else if (field === 3) results = readShape(reader);
      else if (field === 28) target = reader.string();
      else return false;
      return true;
    });
    found.push({ opcode, target, results });
    return true;
  };
  const computation = (reader: Reader) => message(reader, (field) => field === 2 && instruction(reader));
  const module = (field: number, reader: Reader) => field === 3 && computation(reader);
  const reader = Reader.create(proto);
  if (withConfig) walk(reader, reader.len, (field) => field === 1 && message(reader, module));
  else walk(reader, reader.len, module);
  return found;
}
