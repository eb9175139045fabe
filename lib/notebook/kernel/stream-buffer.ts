/** What is printed is gathered this long: a Jupyter server drops messages that come by the thousand. */
const GATHER_MS = 25;
const MOST_CHARACTERS = 1 << 18;

export interface StreamBuffer {
  write(name: 'stdout' | 'stderr', text: string): void;
  /** Sends what is gathered: before any other message, so that order is kept. */
  flush(): void;
}

/** @param send gets neighbouring writes of one stream as one */
export function createStreamBuffer(send: (name: 'stdout' | 'stderr', text: string) => void): StreamBuffer {
  let name: 'stdout' | 'stderr' = 'stdout';
  let parts: string[] = [];
  let length = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (parts.length === 0) return;
    const text = parts.join('');
    parts = [];
    length = 0;
    send(name, text);
  };
  return {
    flush,
    write: (to, text) => {
      if (to !== name) flush();
      name = to;
      parts.push(text);
      length += text.length;
      if (length >= MOST_CHARACTERS) flush();
      else timer ??= setTimeout(flush, GATHER_MS);
    },
  };
}
