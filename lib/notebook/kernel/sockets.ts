/** What tslab uses of a ZeroMQ socket. */
export interface Socket extends AsyncIterable<unknown> {
  send(frames: unknown): Promise<void>;
  bind(address: string): Promise<void>;
  close(): void;
  sendHighWaterMark?: number;
}

export interface QueuedSocket extends Socket {
  /** Resolves when all that was given to `send` so far has left. */
  sent(): Promise<void>;
}

/**
 * A socket that sends one message after the other: ZeroMQ refuses a second `send` while one is in progress, and a
 * publisher drops what is over its high-water mark.
 */
export function queueSends(socket: Socket): QueuedSocket {
  let last: Promise<void> = Promise.resolve();
  if (socket.sendHighWaterMark !== undefined) socket.sendHighWaterMark = 0;
  return {
    send: (frames) => {
      last = last.then(() => socket.send(frames)).catch(() => {});
      return last;
    },
    sent: () => last,
    bind: (address) => socket.bind(address),
    close: () => socket.close(),
    [Symbol.asyncIterator]: () => socket[Symbol.asyncIterator](),
  };
}
