import koffi from 'koffi';

/**
 * Shared libraries, opened so that the process still ends well.
 *
 * A plug-in that brings its own C++ runtime crashes when the process ends and unloads it: it is opened with RTLD_NODELETE
 * first and stays.
 */

// XLA's passes recurse through large programs; koffi runs each call on a stack of its own of this size.
const STACK_BYTES = 16 * 1024 * 1024;
koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });

const RTLD_NOW = 2;
const RTLD_NODELETE = process.platform === 'darwin' ? 0x80 : 0x1000;

export interface SharedLibrary {
  /** The function's address; undefined where the library has none of that name. */
  find(symbol: string): bigint | undefined;
}

/** @throws the loader's own message */
export function openLibrary(file: string): SharedLibrary {
  if (process.platform === 'win32') {
    const library = koffi.load(file);
    return {
      find: (symbol) => {
        try {
          return koffi.address(library.symbol(symbol));
        } catch {
          return undefined;
        }
      },
    };
  }
  const self = koffi.load(null);
  const dlopen = self.func('dlopen', 'void *', ['str', 'int']);
  const dlsym = self.func('dlsym', 'void *', ['void *', 'str']);
  const dlerror = self.func('dlerror', 'str', []);
  const handle: bigint | null = dlopen(file, RTLD_NOW | RTLD_NODELETE);
  if (!handle) throw new Error(dlerror() ?? 'the loader gave no reason');
  return { find: (symbol) => dlsym(handle, symbol) ?? undefined };
}
