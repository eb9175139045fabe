import { realpathSync } from 'node:fs';
import { parse, relative } from 'node:path';
import type { Graph } from './encode';

/**
 * A graph whose constants in files are named by where the bytes lie, links followed, from the root of the file system;
 * and that root, to be given to ONNX Runtime as the model's folder. ONNX Runtime follows links too, and reads no file
 * that lies outside the folder it was given: a snapshot in the Hub's cache has links to `../../blobs`, shards may be
 * linked from several disks.
 *
 * @throws when a file is gone, or files lie on several drives (Windows)
 */
export function fromRoot(graph: Graph): { readonly graph: Graph; readonly root: string | undefined } {
  const real = new Map<string, string>();
  const initializers = graph.initializers.map((constant) => {
    if (constant.data instanceof Uint8Array) return constant;
    const { file, ...place } = constant.data;
    const path = real.get(file) ?? realPath(file);
    real.set(file, path);
    return { ...constant, data: { ...place, file: relative(parse(path).root, path) } };
  });
  const roots = [...new Set([...real.values()].map((path) => parse(path).root))];
  if (roots.length > 1) {
    throw new Error(`engine: frozen weights must lie on one drive, got ${roots.join(' and ')}; move them to one`);
  }
  return { graph: { ...graph, initializers }, root: roots[0] };
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`engine: the weights in ${file} cannot be read (${code}); put the file back where it was`, {
      cause: error,
    });
  }
}
