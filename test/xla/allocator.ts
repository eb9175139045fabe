import koffi from 'koffi';

/** mallinfo2's fields, in its order. */
const FIELDS = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');

/**
 * Bytes that the C library's allocator has lent out to this process, in small pieces and in mapped ones: unlike the
 * resident size, it falls as soon as memory is freed. Undefined where the library is not glibc 2.33 or later.
 */
export const bytesLentOut = fromGlibc();

function fromGlibc(): (() => number) | undefined {
  try {
    const info = koffi.struct(Object.fromEntries(FIELDS.map((name) => [name, 'size_t'])));
    const mallinfo2 = koffi.load('libc.so.6').func('mallinfo2', info, []);
    return () => {
      const { uordblks, hblkhd } = mallinfo2();
      return uordblks + hblkhd;
    };
  } catch {
    return undefined;
  }
}
