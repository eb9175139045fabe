import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clock, createProgress, sayLine } from '../../lib/run/progress';

/** What stands on a terminal after everything that was written to it: \r, \n, cursor up, clear to the end. */
function screen(written: string): string[] {
  const rows = [''];
  let [row, column] = [0, 0];
  for (const [piece, up, clear] of written.replaceAll('\x1b', '^').matchAll(/\^\[(\d+)A|\^\[(J)|[\s\S]/g)) {
    if (up) row -= Number(up);
    else if (clear) rows.splice(row, rows.length, rows[row]!.slice(0, column));
    else if (piece === '\r') column = 0;
    else if (piece === '\n') {
      row++;
      rows[row] ??= '';
    } else {
      rows[row] = rows[row]!.slice(0, column) + piece + rows[row]!.slice(column + 1);
      column++;
    }
  }
  return rows;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function stream(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  const to = { isTTY, columns, write } as unknown as NodeJS.WriteStream;
  return { to, lines: () => screen(written.join('').replaceAll('\n', '\r\n')), written };
}

describe('progress on a terminal', () => {
  test('stages side by side have a line each; what is said stands above; a finished one stays', () => {
    const { to, lines } = stream(true);
    const [a, b] = [createProgress('[1/2] a', to), createProgress('[2/2] b', to)];
    a.at(1, 9, 'loss 3');
    b.at(2, 8);
    expect(lines()).toEqual(['[1/2] a  1/9  loss 3  ', '[2/2] b  2/8    ']);
    b.say('b said this');
    sayLine('two\nlines', to);
    expect(lines()).toEqual(['b said this', 'two', 'lines', '[1/2] a  1/9  loss 3  ', '[2/2] b  2/8    ']);
    a.at(9, 9, 'loss 1');
    expect(lines()).toEqual(['b said this', 'two', 'lines', '[1/2] a  9/9  loss 1  0:00 in all', '[2/2] b  2/8    ']);
    b.at(8, 8);
    expect(lines().slice(4)).toEqual(['[2/2] b  8/8    0:00 in all', '']);
  });

  test('a line never wraps, or it could not be rewritten', () => {
    const { to, lines } = stream(true, 30);
    createProgress('a label', to).at(1, 9, 'and details that are longer than the terminal is wide');
    expect(lines()).toEqual(['a label  1/9  and details tha']);
  });
});

test('in a log: whole lines alone, no control codes', () => {
  const { to, written } = stream(false);
  const progress = createProgress('a', to);
  progress.at(1, 9);
  progress.say('said');
  vi.advanceTimersByTime(12_000);
  progress.at(5, 9);
  progress.at(6, 9);
  vi.advanceTimersByTime(4000);
  progress.at(9, 9);
  expect(written).toEqual(['said\n', 'a  5/9    0:12 left\n', 'a  9/9    0:16 in all\n']);
});

test('a silence is shown: the time that the present step has taken, and nothing stays when the stage ends', () => {
  const { to, lines } = stream(true);
  const progress = createProgress('a', to);
  progress.waiting!(4);
  expect(lines()).toEqual(['a  0:04']);
  vi.advanceTimersByTime(1000);
  progress.at(1, 9, 'loss 3');
  vi.advanceTimersByTime(1000);
  progress.waiting!(61);
  expect(lines()).toEqual(['a  1/9  loss 3  1:01 since then']);
  progress.end!();
  expect(lines()).toEqual(['']);

  const log = stream(false);
  const plain = createProgress('a', log.to);
  for (let second = 1; second <= 21; second++) {
    vi.advanceTimersByTime(1000);
    plain.waiting!(second);
  }
  expect(log.written).toEqual(['a  0:10\n', 'a  0:20\n']);
});

test('clock', () => {
  expect([0, 59.6, 75, 3600].map(clock)).toEqual(['0:00', '1:00', '1:15', '60:00']);
});
