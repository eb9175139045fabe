import type { Method } from '../config';
import type { StepRecord } from '../train/log';
import type { Subject } from './compared';
import { axis, FIGURE_WIDTH, type Figure, frame, type PlotlyObject, STYLE } from './figure-style';
import { meanWindow, runningMean, thinned } from './running-mean';

/** One training run's log. */
export interface LossRun {
  readonly method: Method;
  readonly records: readonly StepRecord[];
}

export interface LossFigureOptions {
  /** Default: logarithmic when the largest loss drawn is more than 20 times the smallest, else linear. */
  readonly lossAxis?: 'linear' | 'log';
}

/** More points than this are not seen, only carried. */
const MOST_POINTS = 400;
const LOG_ABOVE = 20;

interface Point {
  readonly step: number;
  readonly loss: number;
}

const order: readonly Method[] = ['lora', 'full'];

/**
 * Training and held-out loss over updates, LoRA and full-parameter: each update's loss faint, a running mean as the
 * line, the held-out loss as markers with a thin line. The curves may end at different updates: the paper trains
 * LoRA for 8 epochs and all parameters for 3.
 *
 * @param runs at most one of a method; one alone is drawn alone
 * @throws when there is no loss to draw, or two runs are of one method
 */
export function lossFigure(runs: readonly LossRun[], subject: Subject, { lossAxis }: LossFigureOptions = {}): Figure {
  const sorted = order.flatMap((method) => {
    const [run, second] = runs.filter((one) => one.method === method);
    if (second) throw new Error(`loss figure: two runs of method ${method}; draw them in two figures`);
    return run ? [{ method, training: points(run, 'loss'), heldOut: points(run, 'heldOutLoss') }] : [];
  });
  const all = sorted.flatMap(({ training, heldOut }) => [...training, ...heldOut]);
  if (all.length === 0) {
    throw new Error('loss figure: no record has a finite loss; give the log of a run that made at least one update');
  }
  const traces = sorted.flatMap(({ method, training, heldOut }) => [
    ...(training.length > 0 ? trainingTraces(method, training) : []),
    ...(heldOut.length > 0 ? [heldOutTrace(method, heldOut)] : []),
  ]);
  const losses = all.map(({ loss }) => loss);
  const smallest = Math.min(...losses);
  const log = (lossAxis ?? (Math.max(...losses) > LOG_ABOVE * smallest ? 'log' : 'linear')) === 'log' && smallest > 0;
  const layout = frame({ title: 'Training and held-out loss', subject, plotHeight: 380, legendRows: sorted.length });
  const lastStep = Math.max(...all.map(({ step }) => step));
  return {
    data: traces,
    layout: {
      ...layout,
      legend: { ...layout.legend, entrywidthmode: 'pixels', entrywidth: (FIGURE_WIDTH - 100) / 3 - 45 },
      xaxis: { ...axis('updates (optimizer steps)'), range: [-0.02 * lastStep, 1.02 * lastStep] },
      yaxis: log
        ? { ...axis('loss (nats per response token, log scale)'), type: 'log', ...oneTwoFive(losses) }
        : { ...axis('loss (nats per response token)'), rangemode: 'tozero' },
    },
    description: sorted.map(({ method, training, heldOut }) => inWords(method, training, heldOut)).join(' '),
  };
}

/** Ticks 1, 2, 5 of every power of ten, written as numbers: Plotly's own label the ones between with a lone digit. */
function oneTwoFive(values: readonly number[]) {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const powers = Array.from({ length: Math.ceil(Math.log10(Math.max(...values))) - first + 1 }, (_, i) => first + i);
  const tickvals = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  return { tickvals, ticktext: tickvals.map(String) };
}

function points(run: LossRun, field: 'loss' | 'heldOutLoss'): Point[] {
  return run.records
    .flatMap((record) => {
      const loss = record[field];
      return typeof loss === 'number' && Number.isFinite(loss) ? [{ step: record.step, loss }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

function trainingTraces(method: Method, training: readonly Point[]): PlotlyObject[] {
  const { label, colour, dash, marker } = STYLE[method];
  const window = meanWindow(training.length);
  const { every, places } = thinned(training.length, MOST_POINTS);
  const losses = training.map(({ loss }) => loss);
  const x = places.map((place) => training[place]!.step);
  return [
    {
      type: 'scatter',
      mode: 'markers',
      name: `${label}: ${every === 1 ? 'each update' : `one update in ${every}`}`,
      x,
      y: places.map((place) => losses[place]!),
      marker: { symbol: `${marker}-open`, size: 4, color: colour, opacity: 0.35 },
    },
    {
      type: 'scatter',
      mode: 'lines',
      name: `${label}: mean of ${window === 1 ? 'one update' : `last ${window}`}`,
      x,
      y: runningMean(losses, window, places),
      line: { color: colour, width: 2.5, dash },
    },
  ];
}

function heldOutTrace(method: Method, heldOut: readonly Point[]): PlotlyObject {
  const { label, colour, dash, marker } = STYLE[method];
  return {
    type: 'scatter',
    mode: 'lines+markers',
    name: `${label}: held-out`,
    x: heldOut.map(({ step }) => step),
    y: heldOut.map(({ loss }) => loss),
    line: { color: colour, width: 1.2, dash },
    marker: { symbol: marker, size: 10, color: '#FFFFFF', line: { color: colour, width: 2 } },
  };
}

function inWords(method: Method, training: readonly Point[], heldOut: readonly Point[]): string {
  const fromTo = (name: string, curve: readonly Point[]) =>
    curve.length === 0
      ? `no ${name} loss`
      : `${name} loss from ${curve[0]!.loss.toFixed(3)} (update ${curve[0]!.step}) to ` +
        `${curve.at(-1)!.loss.toFixed(3)} (update ${curve.at(-1)!.step})`;
  return `${STYLE[method].label}: ${fromTo('training', training)}, ${fromTo('held-out', heldOut)}.`;
}
