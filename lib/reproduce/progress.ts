import type { StepRecord } from '../train/log';

/** What a person sees while a run goes on: a line a stage, and within a long one a line that is rewritten. */
export interface Progress {
  /** Ends the line in progress and prints another. */
  say(text: string): void;
  /** Shows how far the stage is: rate and time left follow from the clock. */
  at(done: number, total: number, details?: string): void;
  /** Takes a training step's numbers, for a picture of the loss. */
  record?(record: StepRecord): void;
}

/** Opens a line of progress by its label. */
export type OpenProgress = (label: string) => Progress;

const EVERY_MS = 250;
/** Where output is no terminal (a log, CI) a line now and then says that it goes on. */
const EVERY_MS_PLAIN = 10_000;

/** @param label stands before every line in progress */
export function createProgress(label: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  const terminal = stream.isTTY === true;
  const began = performance.now();
  let first: number | undefined;
  let shown = 0;
  let open = false;
  const end = () => {
    if (open) stream.write('\n');
    open = false;
  };
  return {
    say: (text) => {
      end();
      stream.write(`${text}\n`);
    },
    at: (done, total, details = '') => {
      const now = performance.now();
      // Compiling and warming up belong to no step: the rate counts from the first report on.
      first ??= done;
      const finished = done >= total;
      if (!finished && now - shown < (terminal ? EVERY_MS : EVERY_MS_PLAIN)) return;
      shown = now;
      const seconds = (now - began) / 1000;
      const left = done > first ? ((total - done) * seconds) / (done - first) : undefined;
      const time = finished ? `${clock(seconds)} in all` : left === undefined ? '' : `${clock(left)} left`;
      const line = `${label}  ${done}/${total}  ${details}  ${time}`;
      if (terminal) {
        stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
        open = true;
        if (finished) end();
      } else {
        stream.write(`${line}\n`);
      }
    },
  };
}

/** 75 -> "1:15" */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
