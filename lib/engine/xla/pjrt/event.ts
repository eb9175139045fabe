import koffi from 'koffi';
import type { Api } from './api';

/**
 * Waiting for a device while Node's event loop runs on: the plug-in calls back from a thread of its own, and koffi carries
 * the call to JavaScript. That thread waits until JavaScript answers, so what may itself wait for a device (compile,
 * execute) is called on another thread (`callAside`), never on JavaScript's.
 */

type Answer = (error: bigint | null) => void;

const answers = new Map<number, Answer>();
let counted = 0;
let callback: bigint | undefined;
let keepAlive: NodeJS.Timeout | undefined;

/** One callback for all events; `user_arg` tells them apart. */
function onReady(): bigint {
  callback ??= koffi.register(
    (error: bigint | null, id: number | bigint) => {
      const answer = answers.get(Number(id));
      answers.delete(Number(id));
      if (answers.size === 0) {
        clearInterval(keepAlive);
        keepAlive = undefined;
      }
      answer?.(error);
    },
    koffi.pointer(koffi.proto('void PjrtOnReady(void *error, uint64_t user_arg)')),
  );
  return callback;
}

/**
 * @param event freed here
 * @throws {PjrtError} what went wrong on the device
 */
export async function whenReady(api: Api, event: bigint): Promise<void> {
  if (event === 0n) return;
  const id = ++counted;
  try {
    const error = await new Promise<bigint | null>((resolve) => {
      answers.set(id, resolve);
      // koffi's callbacks alone don't keep Node from ending.
      keepAlive ??= setInterval(() => {}, 2 ** 30);
      api.call('Event_OnReady', { event, callback: onReady(), user_arg: id });
    });
    api.check('Event_OnReady', error);
  } finally {
    api.call('Event_Destroy', { event });
  }
}
