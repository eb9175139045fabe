import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { escapeHtml } from '../../escape';
import { clock, createProgress, type OpenProgress, sayLine } from '../../run/progress';
import type { RunWatcher } from '../../run/run';
import type { StepRecord } from '../../train/log';
import { type CellOutputs, currentOutputs } from '../kernel/output';

/** So often a display is redrawn, at most. */
const EVERY_MS = 300;

/**
 * Shows long work under the cell while it goes on: a bar with rate and time left for each stage, the loss as a curve.
 * Run without Jupyter, the bar is the terminal's, and the notebook keeps the lines that last. Give it to `reproduce` or
 * `makeModel`.
 */
export function showProgress(): RunWatcher {
  const outputs = currentOutputs();
  if (!outputs) return { say: sayLine, progress: createProgress };
  return outputs.live ? liveProgress(outputs) : filedProgress(outputs);
}

/** The terminal itself, past the notebook. */
const TERMINAL = {
  isTTY: process.stderr.isTTY,
  columns: process.stderr.columns,
  write: (text: string) => writeSync(2, text) > 0,
} as unknown as NodeJS.WriteStream;

function filedProgress(outputs: CellOutputs): RunWatcher {
  return {
    say: (line) => outputs.stream('stdout', `${line}\n`),
    progress: (label) => {
      const terminal = createProgress(label, TERMINAL);
      return {
        say: (text) => outputs.stream('stdout', `${text}\n`),
        at: terminal.at,
        waiting: terminal.waiting!,
        end: terminal.end!,
      };
    },
  };
}

interface Stage {
  readonly label: string;
  readonly began: number;
  first: number;
  done: number;
  total: number;
  details: string;
  readonly records: StepRecord[];
}

function liveProgress(outputs: CellOutputs): RunWatcher {
  const id = randomUUID();
  const lines: string[] = [];
  const stages = new Map<string, Stage>();
  let begun = false;
  let waiting = false;
  const draw = () => {
    waiting = false;
    const data = {
      'text/html': [...lines.map(lineHtml), ...[...stages.values()].map(stageHtml)].join('\n'),
      'text/plain': [...lines, ...[...stages.values()].map(stageText)].join('\n'),
    };
    outputs.display({ data, metadata: {}, transient: { display_id: id } }, begun);
    begun = true;
  };
  const soon = () => {
    if (!waiting) setTimeout(draw, begun ? EVERY_MS : 0);
    waiting = true;
  };
  const progress: OpenProgress = (label) => {
    const stage = (): Stage => {
      const known = stages.get(label);
      if (known) return known;
      const made = { label, began: performance.now(), first: 0, done: 0, total: 0, details: '', records: [] };
      stages.set(label, made);
      return made;
    };
    return {
      say: (text) => {
        lines.push(text);
        soon();
      },
      record: (record) => {
        stage().records.push(record);
        soon();
      },
      at: (done, total, details = '') => {
        const one = stage();
        // Compiling and warming up belong to no step: the rate counts from the first report on.
        if (one.total === 0) one.first = done;
        Object.assign(one, { done, total, details });
        soon();
      },
    };
  };
  return {
    progress,
    say: (line) => {
      lines.push(line);
      soon();
    },
  };
}

const lineHtml = (line: string): string => `<div style="white-space:pre-wrap">${escapeHtml(line)}</div>`;

function timeOf({ began, first, done, total }: Stage): string {
  const seconds = (performance.now() - began) / 1000;
  if (total > 0 && done >= total) return `${clock(seconds)} in all`;
  return done > first ? `${clock(((total - done) * seconds) / (done - first))} left` : '';
}

const stageText = (stage: Stage): string =>
  `${stage.label}  ${stage.done}/${stage.total}  ${stage.details}  ${timeOf(stage)}`.trimEnd();

function stageHtml(stage: Stage): string {
  const { label, done, total, details } = stage;
  const name = escapeHtml(label);
  return `<div><div>${name}</div>
<progress value="${done}" max="${total || 1}" aria-label="${name}" style="width:24em"></progress>
<span>${escapeHtml(`${done}/${total}  ${details}  ${timeOf(stage)}`)}</span>
${lossCurve(stage.records)}</div>`;
}

const WIDTH = 480;
const HEIGHT = 120;

/** Loss over updates, held-out loss as marks: a sketch while it grows, the figure comes after. */
function lossCurve(records: readonly StepRecord[]): string {
  const points = records.flatMap(({ step, loss }) => (loss === undefined ? [] : [{ step, y: loss }]));
  if (points.length < 2) return '';
  const marks = records.flatMap(({ step, heldOutLoss: y }) => (y === undefined ? [] : [{ step, y }]));
  const all = [...points, ...marks];
  const steps = all.map(({ step }) => step);
  const values = all.map(({ y }) => y);
  const [left, right] = [Math.min(...steps), Math.max(...steps)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (step: number) => (40 + ((WIDTH - 50) * (step - left)) / (right - left || 1)).toFixed(1);
  const y = (value: number) => (10 + ((HEIGHT - 30) * (high - value)) / (high - low || 1)).toFixed(1);
  const text = (at: string, words: string) =>
    `<text ${at} font-size="11" fill="currentColor">${escapeHtml(words)}</text>`;
  return `<svg width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="loss, now ${points.at(-1)!.y.toFixed(3)}">
<polyline fill="none" stroke="#0072B2" stroke-width="1.5" points="${points.map((p) => `${x(p.step)},${y(p.y)}`).join(' ')}"/>
${marks.map((p) => `<circle cx="${x(p.step)}" cy="${y(p.y)}" r="3.5" fill="none" stroke="#D55E00" stroke-width="1.5"/>`).join('')}
${text('x="0" y="16"', high.toFixed(2))}${text(`x="0" y="${HEIGHT - 18}"`, low.toFixed(2))}
${text(`x="40" y="${HEIGHT - 4}"`, `loss (line) and held-out loss (rings), update ${left} to ${right}`)}
</svg>`;
}
