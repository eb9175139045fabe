import { reasonOf } from './http';

/** The file is another one than was listed. */
export const grew = (name: string, size: number, got: string): Error =>
  new Error(
    `fetch: ${name} must have ${size} bytes as listed, got ${got}: it changed while it was fetched; run the same command again`,
  );

/**
 * What the answer promises: the file's size, and how many bytes come once more because its server knows no Range.
 */
export async function checkAnswer(
  response: Response,
  name: string,
  have: number,
  size: number | undefined,
): Promise<{ readonly size: number | undefined; readonly skip: number }> {
  const { status, headers } = response;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const length = headers.get('content-length') ?? undefined;
  const total = Number((status === 206 ? range?.[2] : length) ?? Number.NaN);
  const refuse = async (error: Error): Promise<never> => {
    await response.body?.cancel().catch(() => {});
    throw error;
  };
  if (Number.isFinite(total) && size !== undefined && total !== size) return refuse(grew(name, size, `${total} bytes`));
  if (status === 206 && Number(range?.[1]) !== have) {
    const got = headers.get('content-range') ?? 'none';
    return refuse(
      new Error(
        `fetch: the server of ${name} must go on from byte ${have}, got the range ${got}; run the same command again`,
      ),
    );
  }
  return { size: size ?? (Number.isFinite(total) ? total : undefined), skip: status === 206 ? 0 : have };
}

/** The connection broke: another request goes on from what came. */
export class Cut extends Error {}

/** A body's bytes, piece by piece, with Cut for a connection that breaks or falls silent. */
export async function* body(response: Response, patience: number): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Cut(`silent for ${patience / 1000} s`)), patience);
      });
      const read = reader.read().catch((error) => {
        throw error instanceof Error && error.name === 'AbortError'
          ? error
          : new Cut(reasonOf(error), { cause: error });
      });
      const { value, done } = await Promise.race([read, silence]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
