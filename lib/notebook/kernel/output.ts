import { inspect } from 'node:util';
import { terminalText } from '../../escape';

/** A thing in several forms, by media type; whoever shows it takes the richest form it can. */
export type MimeBundle = Readonly<Record<string, unknown>>;

export interface DisplayContent {
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly transient: { readonly display_id?: string };
}

/** Why a cell failed, in Jupyter's words. */
export interface CellFailure {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** Where the output of a cell goes. */
export interface CellOutputs {
  /** Somebody looks on: figures that can be moved, progress that is redrawn. Otherwise a file is written for later. */
  readonly live: boolean;
  stream(name: 'stdout' | 'stderr', text: string): void;
  /** @param update replaces what was shown under the same display_id */
  display(content: DisplayContent, update: boolean): void;
  /** The value of the cell's last expression. */
  result(data: MimeBundle): void;
}

let current: CellOutputs | undefined;
/** Of the cell in progress; a cell's output that comes after its end goes to the latest cell, as with Python's kernel. */
export const currentOutputs = (): CellOutputs | undefined => current;

/** Directs displays, console and process output to a cell. */
export function directOutputs(outputs: CellOutputs): void {
  current = outputs;
}

type WriteArguments = [chunk: string | Uint8Array, encoding?: BufferEncoding | (() => void), done?: () => void];

/** From here on what the process prints goes to the cell in progress. Returns what undoes it. */
export function capturePrints(): () => void {
  const undo = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const { write } = stream;
    const decoder = new TextDecoder();
    stream.write = ((...[chunk, encoding, done]: WriteArguments): boolean => {
      if (!current) return Reflect.apply(write, stream, [chunk, encoding, done]) as boolean;
      const text =
        typeof chunk !== 'string'
          ? decoder.decode(chunk, { stream: true })
          : typeof encoding === 'string' && encoding !== 'utf8'
            ? Buffer.from(chunk, encoding).toString()
            : chunk;
      if (text !== '') current.stream(name, text);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) process.nextTick(callback);
      return true;
    }) as typeof stream.write;
    return () => {
      stream.write = write;
    };
  });
  return () => {
    for (const one of undo) one();
  };
}

/** The value of a cell's last expression as it is shown: text of a row, say, with no control characters. */
export const resultOf = (value: unknown): MimeBundle => ({ 'text/plain': terminalText(asText(value)) });

/** A value as `console.log` would print it. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : inspect(value));
