import * as ort from './ort';

/**
 * An ONNX Runtime session whose outputs may stay on the GPU. Their memory is the session's own: once `release` was
 * asked for, it ends with the last of them. (Freed in the other order, they take the process down.)
 */
export interface Session {
  readonly inputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, ort.Tensor>>,
    fetches?: Readonly<Record<string, ort.Tensor | null>>,
  ): Promise<Readonly<Record<string, ort.Tensor>>>;
  release(): Promise<void>;
}

export async function openSession(model: Uint8Array, options: ort.InferenceSession.SessionOptions): Promise<Session> {
  const session = await ort.InferenceSession.create(model, options);
  let alive = 0;
  let released = false;
  const endWhenUnused = async () => {
    if (released && alive === 0) await session.release();
  };
  const owned = (tensor: ort.Tensor): ort.Tensor => {
    if (tensor.location !== 'gpu-buffer') return tensor;
    alive++;
    return view(tensor, tensor.dims, () => {
      tensor.dispose();
      alive--;
      void endWhenUnused();
    });
  };
  return {
    inputNames: session.inputNames,
    run: async (feeds, fetches) => {
      const results = await (fetches ? session.run(feeds, fetches) : session.run(feeds));
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, owned(tensor)]));
    },
    release: async () => {
      if (released) return;
      released = true;
      await endWhenUnused();
    },
  };
}

/** The same numbers under another shape; it takes the place of `tensor`, which is not to be disposed beside it. */
export function reshaped(tensor: ort.Tensor, shape: readonly number[]): ort.Tensor {
  if (String(tensor.dims) === String(shape)) return tensor;
  if (tensor.location === 'cpu') return new ort.Tensor(tensor.type as 'float32', tensor.data as Float32Array, shape);
  return view(tensor, shape, () => tensor.dispose());
}

function view(tensor: ort.Tensor, shape: readonly number[], dispose: () => void): ort.Tensor {
  return ort.Tensor.fromGpuBuffer(tensor.gpuBuffer, { dataType: tensor.type as 'float32', dims: [...shape], dispose });
}
