import { type Dtype, sizeOf } from '../tensors';
import { encodeModel, UNKNOWN } from './encode';
import type * as ort from './ort';
import { openSession, reshaped, type Session } from './session';

/** Carries tensors to a GPU and back. */
export interface Transfer {
  upload(tensor: ort.Tensor): Promise<ort.Tensor>;
  /** A copy on the host. */
  download(tensor: ort.Tensor): Promise<Float32Array | Int32Array>;
}

/**
 * ONNX Runtime's Node binding has neither: `Tensor.getData()` aborts the process. An identity program does both, its
 * output on the GPU or on the host; flat and of unknown length, so that one program serves every shape.
 *
 * @throws what ONNX Runtime throws when there is no such GPU: the first program is made and run here
 */
export async function openTransfer(options: ort.InferenceSession.SessionOptions): Promise<Transfer> {
  const sessions = new Map<string, Promise<Session>>();
  const program = (dtype: Dtype, onGpu: boolean): Promise<Session> => {
    const key = `${dtype} ${onGpu}`;
    const made = sessions.get(key) ?? openSession(identity(dtype), onGpu ? gpuOutput(options) : options);
    sessions.set(key, made);
    return made;
  };
  const carry = async (tensor: ort.Tensor, onGpu: boolean): Promise<ort.Tensor> => {
    const { dims } = tensor;
    const session = await program(tensor.type as Dtype, onGpu);
    const { y } = await session.run({ x: flat(tensor) });
    return reshaped(y!, dims);
  };
  await program('float32', true);
  return {
    upload: (tensor) => carry(tensor, true),
    download: async (tensor) => (await carry(tensor, false)).data as Float32Array | Int32Array,
  };
}

const gpuOutput = (options: ort.InferenceSession.SessionOptions): ort.InferenceSession.SessionOptions => ({
  ...options,
  preferredOutputLocation: 'gpu-buffer',
});

/** A borrowed view: never disposed itself. */
const flat = (tensor: ort.Tensor): ort.Tensor => reshaped(tensor, [sizeOf(tensor.dims)]);

function identity(dtype: Dtype): Uint8Array {
  const shape = [UNKNOWN];
  return encodeModel({
    name: 'transfer',
    nodes: [{ op: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }],
    initializers: [],
    inputs: [{ name: 'x', type: dtype, shape }],
    outputs: [{ name: 'y', type: dtype, shape }],
  });
}
