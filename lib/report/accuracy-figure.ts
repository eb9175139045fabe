import type { TaskResult } from '../eval/score';
import {
  type ComparedTask,
  comparedTasks,
  isAtChance,
  MODELS,
  type ModelName,
  type Scores,
  type Subject,
} from './compared';
import { plotlyText } from './escape';
import { axis, type Figure, frame, INK, type PlotlyObject, STYLE } from './figure-style';
import { paperRow, TABLE_1 } from './paper';

/** Of a task's place on the axis, which is 1 high. */
const BAR = 0.26;
const ROW_HEIGHT = 58;

/**
 * Accuracy of the base model and the two fine-tuned ones on every task, with Wilson's 95% interval; the chance level as
 * a dashed line through the task; the paper's 70B values as open marks beside the bar of the same method.
 *
 *     MedQA (n 1273)   base  ====|--            :
 *                      LoRA  ======|--          :         o
 *                      full  =======|--         :          o
 *                                         chance
 *
 * @throws when no task was scored, or models were asked different questions
 * Source: table 1's columns PE-FT and FP-FT for the open marks.
 */
export function accuracyFigure(scores: Scores, subject: Subject): Figure {
  const tasks = comparedTasks(scores);
  if (tasks.length === 0)
    throw new Error('accuracy figure: no task was scored; give the results of at least one model');
  const models = MODELS.filter((model) => tasks.some(({ results }) => results[model]));
  const labels = tasks.map(({ task, n }) => `${paperRow(TABLE_1, task)!.label} (n ${n})`);
  const layout = frame({
    title: 'Zero-shot accuracy by task',
    subject,
    note: 'Bars with 95% Wilson intervals. Open marks: the paper’s Llama-2 70B (table 1), a model of another scale, no target for the bars.',
    plotHeight: tasks.length * ROW_HEIGHT + 10,
    legendRows: 2,
    left: 220,
  });
  const data = [
    ...models.map((model) => bars(tasks, model, offset(models, model))),
    chanceLines(tasks),
    paperMarkers(tasks, 'lora', offset(models, 'lora')),
    paperMarkers(tasks, 'full', offset(models, 'full')),
  ];
  return {
    data,
    layout: {
      ...layout,
      barmode: 'overlay',
      legend: { ...layout.legend, x: 20 / layout.width, entrywidthmode: 'pixels', entrywidth: 165 },
      xaxis: { ...axis('accuracy (%)'), range: [0, 100], dtick: 10 },
      yaxis: {
        ...axis(''),
        title: { text: '' },
        tickvals: tasks.map((_, i) => i),
        ticktext: labels.map(plotlyText),
        range: [tasks.length - 0.45, -0.55],
        showgrid: false,
        ticks: '',
      },
    },
    description: tasks.map((task) => inWords(task)).join(' '),
  };
}

/** Where a model's bar lies from the task's middle; the axis runs downward. */
function offset(models: readonly ModelName[], model: ModelName): number {
  const place = models.indexOf(model);
  return place < 0 ? 0 : (place - (models.length - 1) / 2) * BAR;
}

function bars(tasks: readonly ComparedTask[], model: ModelName, shift: number): PlotlyObject {
  const { label, colour, hatch } = STYLE[model];
  const scored = tasks.flatMap(({ results }, place) => {
    const result: TaskResult | undefined = results[model];
    return result ? [{ place, acc: result.acc }] : [];
  });
  return {
    type: 'bar',
    orientation: 'h',
    name: label,
    x: scored.map(({ acc }) => 100 * acc.value),
    y: scored.map(({ place }) => place + shift),
    width: BAR * 0.9,
    marker: {
      color: colour,
      line: { color: INK, width: 0.8 },
      pattern: { shape: hatch, fgcolor: '#FFFFFF', bgcolor: colour, fillmode: 'replace', size: 7, solidity: 0.25 },
    },
    error_x: {
      type: 'data',
      symmetric: false,
      array: scored.map(({ acc }) => 100 * (acc.interval[1] - acc.value)),
      arrayminus: scored.map(({ acc }) => 100 * (acc.value - acc.interval[0])),
      color: '#000000',
      thickness: 1.2,
      width: 3,
    },
  };
}

/** One trace for all tasks: a null breaks the line between them. */
function chanceLines(tasks: readonly ComparedTask[]): PlotlyObject {
  return {
    type: 'scatter',
    mode: 'lines',
    name: 'chance',
    x: tasks.flatMap(({ chance }) => [100 * chance, 100 * chance, null]),
    y: tasks.flatMap((_, i) => [i - 0.45, i + 0.45, null]),
    line: { color: '#000000', width: 2, dash: 'dot' },
  };
}

function paperMarkers(tasks: readonly ComparedTask[], model: 'lora' | 'full', shift: number): PlotlyObject {
  const row = (task: ComparedTask) => paperRow(TABLE_1, task.task)!;
  return {
    type: 'scatter',
    mode: 'markers',
    name: model === 'lora' ? 'paper’s 70B, PE-FT' : 'paper’s 70B, FP-FT',
    x: tasks.map((task) => (model === 'lora' ? row(task).peFt : row(task).fpFt)),
    y: tasks.map((_, i) => i + shift),
    marker: {
      symbol: STYLE[model].marker,
      size: 9,
      color: '#FFFFFF',
      line: { color: STYLE[model].colour, width: 2 },
    },
  };
}

function inWords({ task, n, chance, results }: ComparedTask): string {
  const values = MODELS.flatMap((model) => {
    const acc = results[model]?.acc;
    if (!acc) return [];
    return [
      `${STYLE[model].label} ${(100 * acc.value).toFixed(1)}%${isAtChance(acc.interval, chance) ? ' (at chance)' : ''}`,
    ];
  });
  return `${paperRow(TABLE_1, task)!.label}, ${n} items, chance ${(100 * chance).toFixed(1)}%: ${values.join(', ')}.`;
}
