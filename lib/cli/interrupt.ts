import { sayLine } from '../run/progress';

/**
 * A signal that the first Ctrl-C aborts; the second ends the process at once.
 *
 * @param message says what the first one does
 */
export function abortOnInterrupt(message: string): AbortSignal {
  const abort = new AbortController();
  process.on('SIGINT', () => {
    if (abort.signal.aborted) process.exit(130);
    sayLine(`\n${message}; once more to stop at once`);
    abort.abort();
  });
  return abort.signal;
}

/** What relative paths of a command line are relative to: npm starts scripts in the package's folder. */
export const callersFolder = (): string => process.env.INIT_CWD ?? process.cwd();
