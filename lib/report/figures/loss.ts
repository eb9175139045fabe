import { max, mean, min } from 'simple-statistics';
import type { RunRecord } from '../../compare/run-record';
import { runsOf } from '../../compare/runs';
import type { Figure, PlotlyObject } from '../../draw/figure';
import type { StepRecord } from '../../train/log';
import { meanWindow, runningMean, thinned } from './running-mean';
import { axis, FIGURE_WIDTH, frame, PAPER, STYLE } from './style';

type TrainedMethod = 'lora' | 'full';

/** More points than this are not seen, only carried. */
const MOST_POINTS = 400;
const LOG_ABOVE = 20;

interface Point {
  readonly step: number;
  readonly loss: number;
}

interface Curves {
  readonly method: TrainedMethod;
  /** One for each training seed. */
  readonly training: readonly (readonly Point[])[];
  /** Mean over the seeds. */
  readonly heldOut: readonly Point[];
}

/**
 * Training and held-out loss over updates: for each training seed a running mean of its updates, and the held-out loss,
 * the mean of the seeds, as markers. The curves may end at different updates: the paper trains LoRA for 8 epochs and all
 * parameters for 3.
 *
 * @returns null when no log has a finite loss
 */
export function lossFigure(record: RunRecord): Figure | null {
  const curves = (['lora', 'full'] as const).flatMap((method): Curves[] => {
    const logs = runsOf(record, method).flatMap(({ training }) => (training ? [training.log] : []));
    const training = logs.map((log) => points(log, 'loss')).filter(({ length }) => length > 0);
    return training.length > 0
      ? [{ method, training, heldOut: meanOf(logs.map((log) => points(log, 'heldOutLoss'))) }]
      : [];
  });
  const all = curves.flatMap(({ training, heldOut }) => [...training.flat(), ...heldOut]);
  if (all.length === 0) return null;
  const losses = all.map(({ loss }) => loss);
  const [smallest, largest] = [min(losses), max(losses)];
  const log = largest > LOG_ABOVE * smallest && smallest > 0;
  const title = 'Training and held-out loss';
  const seeds = Math.max(...curves.map(({ training }) => training.length));
  const layout = frame({
    title,
    subject: record.subject,
    note: seeds > 1 ? 'A line for each training seed; held-out losses are the mean over the seeds.' : undefined,
    plotHeight: 380,
    legendRows: curves.length,
  });
  const lastStep = max(all.map(({ step }) => step));
  return {
    key: 'loss',
    title,
    data: curves.flatMap((one) => [...trainingTraces(one), ...heldOutTrace(one)]),
    layout: {
      ...layout,
      legend: { ...layout.legend, entrywidthmode: 'pixels', entrywidth: (FIGURE_WIDTH - 100) / 2 - 60 },
      xaxis: { ...axis('updates (optimizer steps)'), range: [-0.02 * lastStep, 1.02 * lastStep] },
      yaxis: log
        ? { ...axis('loss (nats per response token, log scale)'), type: 'log', ...oneTwoFive(smallest, largest) }
        : { ...axis('loss (nats per response token)'), rangemode: 'tozero' },
    },
    description: curves.map(inWords).join(' '),
  };
}

/** Ticks 1, 2, 5 of every power of ten, written as numbers: Plotly's own label the ones between with a lone digit. */
function oneTwoFive(smallest: number, largest: number) {
  const first = Math.floor(Math.log10(smallest));
  const powers = Array.from({ length: Math.ceil(Math.log10(largest)) - first + 1 }, (_, i) => first + i);
  const tickvals = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  return { tickvals, ticktext: tickvals.map(String) };
}

function points(log: readonly StepRecord[], field: 'loss' | 'heldOutLoss'): Point[] {
  return log
    .flatMap((record) => {
      const loss = record[field];
      return typeof loss === 'number' && Number.isFinite(loss) ? [{ step: record.step, loss }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

/** At the steps that every curve has. */
function meanOf(curves: readonly (readonly Point[])[]): Point[] {
  const [first = [], ...others] = curves;
  return first.flatMap(({ step, loss }) => {
    const same = others.flatMap((curve) => curve.find((point) => point.step === step) ?? []);
    return same.length === others.length ? [{ step, loss: mean([loss, ...same.map((point) => point.loss)]) }] : [];
  });
}

function trainingTraces({ method, training }: Curves): PlotlyObject[] {
  const { label, colour, dash } = STYLE[method];
  return training.map((seed, i) => {
    const window = meanWindow(seed.length);
    const { places } = thinned(seed.length, MOST_POINTS);
    return {
      type: 'scatter',
      mode: 'lines',
      name: `${label}: ${window === 1 ? 'each update' : `mean of last ${window} updates`}`,
      showlegend: i === 0,
      x: places.map((place) => seed[place]!.step),
      y: runningMean(
        seed.map(({ loss }) => loss),
        window,
        places,
      ),
      line: { color: colour, width: training.length > 1 ? 1.4 : 2.5, dash },
    };
  });
}

function heldOutTrace({ method, heldOut }: Curves): PlotlyObject[] {
  if (heldOut.length === 0) return [];
  const { label, colour, marker } = STYLE[method];
  return [
    {
      type: 'scatter',
      mode: 'markers',
      name: `${label}: held-out`,
      x: heldOut.map(({ step }) => step),
      y: heldOut.map(({ loss }) => loss),
      marker: { symbol: marker, size: 10, color: PAPER, line: { color: colour, width: 2 } },
    },
  ];
}

function inWords({ method, training, heldOut }: Curves): string {
  const fromTo = (name: string, curve: readonly Point[]) =>
    curve.length === 0
      ? `no ${name} loss`
      : `${name} loss from ${curve[0]!.loss.toFixed(3)} (update ${curve[0]!.step}) to ` +
        `${curve.at(-1)!.loss.toFixed(3)} (update ${curve.at(-1)!.step})`;
  const seeds = training.length > 1 ? ` (first of ${training.length} seeds)` : '';
  return `${STYLE[method].label}${seeds}: ${fromTo('training', training[0]!)}, ${fromTo('held-out', heldOut)}.`;
}
