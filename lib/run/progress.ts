import { terminalText } from '../escape';
import type { StepRecord } from '../train/log';

/** What a person sees while a stage goes on: a line that is rewritten, and what is said above it. */
export interface Progress {
  /** Prints a line, above what is in progress. */
  say(text: string): void;
  /** Shows how far the stage is: rate and time left follow from the clock. */
  at(done: number, total: number, details?: string): void;
  /** Shows that one piece of the work, a step of a large model, has gone on for so many seconds. */
  waiting?(seconds: number): void;
  /** Takes the line away: the stage ended, finished or not. */
  end?(): void;
  /** Takes a training step's numbers, for a picture of the loss. */
  record?(record: StepRecord): void;
}

/** Opens a line of progress by its label. */
export type OpenProgress = (label: string) => Progress;

const EVERY_MS = 250;
/** Where output is no terminal (a log, CI) a line now and then says that a long stage goes on. */
const EVERY_MS_PLAIN = 10_000;

/**
 * The foot of a terminal: a line for each stage in progress, rewritten in place. What is said scrolls by above them.
 */
interface Foot {
  say(text: string): void;
  /** Shows a stage's line, or takes it away. */
  show(stage: object, line: string | undefined): void;
}

const feet = new WeakMap<NodeJS.WriteStream, Foot>();

/** One for a stream, whoever writes to it: stages may run side by side. */
function footOf(stream: NodeJS.WriteStream): Foot {
  const known = feet.get(stream);
  if (known) return known;
  const lines = new Map<object, string>();
  let drawn = 0;
  const draw = (above = '') => {
    const back = drawn === 0 ? '' : `\r${drawn > 1 ? `\x1b[${drawn - 1}A` : ''}\x1b[J`;
    const width = Math.max(20, (stream.columns ?? 80) - 1);
    stream.write(back + above + [...lines.values()].map((line) => line.slice(0, width)).join('\n'));
    drawn = lines.size;
  };
  const foot: Foot = {
    say: (text) => draw(`${terminalText(text)}\n`),
    show: (stage, line) => {
      if (line === undefined) lines.delete(stage);
      else lines.set(stage, terminalText(line));
      draw();
    },
  };
  feet.set(stream, foot);
  return foot;
}

/** Prints a line, above those in progress. */
export const sayLine = (text: string, stream: NodeJS.WriteStream = process.stderr): void => footOf(stream).say(text);

/** @param label stands before every line in progress */
export function createProgress(label: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  const terminal = stream.isTTY === true;
  const foot = footOf(stream);
  const stage = {};
  const began = performance.now();
  let first: number | undefined;
  let shown = terminal ? Number.NEGATIVE_INFINITY : began;
  let reported = '';
  const due = (now: number): boolean => {
    if (now - shown < (terminal ? EVERY_MS : EVERY_MS_PLAIN)) return false;
    shown = now;
    return true;
  };
  return {
    say: (text) => foot.say(text),
    at: (done, total, details = '') => {
      const now = performance.now();
      // Compiling and warming up belong to no step: the rate counts from the first report on.
      first ??= done;
      const finished = done >= total;
      reported = `${done}/${total}  ${details}`;
      if (!due(now) && !finished) return;
      const seconds = (now - began) / 1000;
      const left = done > first ? ((total - done) * seconds) / (done - first) : undefined;
      const time = finished ? `${clock(seconds)} in all` : left === undefined ? '' : `${clock(left)} left`;
      const line = `${label}  ${reported}  ${time}`;
      if (terminal && finished) foot.show(stage, undefined);
      if (terminal && !finished) foot.show(stage, line);
      else foot.say(line);
    },
    waiting: (seconds) => {
      if (!due(performance.now())) return;
      const line = reported ? `${label}  ${reported}  ${clock(seconds)} since then` : `${label}  ${clock(seconds)}`;
      if (terminal) foot.show(stage, line);
      else foot.say(line);
    },
    end: () => {
      if (terminal) foot.show(stage, undefined);
    },
  };
}

/** 75 -> "1:15" */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
