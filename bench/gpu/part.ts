import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Parts of the check run each in a process of its own: it gives the card's memory back, and a crash is its alone. */

const ANSWER = 'RESULT ';

/** What stands for a part that gave nothing. */
export type Nothing = { readonly failed: string } | { readonly leftOut: string };

export const isNothing = (result: object): result is Nothing => 'failed' in result || 'leftOut' in result;

/** In the part's process. */
export const answer = (result: unknown): void => console.log(ANSWER + JSON.stringify(result));

/**
 * @param args of this same program
 * @param seconds after which it is ended
 */
export async function runPart<Result>(
  args: readonly string[],
  seconds: number,
  say: (line: string) => void,
): Promise<Result | Nothing> {
  const child = spawn(process.execPath, [process.argv[1]!, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let result: Result | undefined;
  let late = false;
  const errors: string[] = [];
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith(ANSWER)) result = JSON.parse(line.slice(ANSWER.length)) as Result;
    else say(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.trim() !== '') errors.push(line);
    if (errors.length > 5) errors.shift();
  });
  const ended = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `it ended with ${code ?? signal}`));
  });
  clearTimeout(timer);
  if (result !== undefined && !late) return result;
  if (late) return { failed: `it had not ended after ${seconds.toFixed(0)} s of the budget` };
  // Of one that says itself why it ends with 1, that is enough.
  const said = errors.length > 0 && ended === 'it ended with 1' ? [] : [ended || 'it answered nothing'];
  return { failed: [...said, ...errors].join('; ') };
}
