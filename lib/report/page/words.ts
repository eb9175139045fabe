import { METHOD_LABELS, PACKING_LABELS } from '../../compare/labels';
import { isUnder, type RunRecord } from '../../compare/run-record';
import { baseName, fairSetting, mainSetting, runsOf } from '../../compare/runs';
import { htmlText, markdownText } from '../../escape';
import type { ReportInputs } from '../inputs';
import { numberText } from '../table';

/*
 * The report's own sentences: what was asked, what was run, the answer, the limits.
 */

export const ASKED: readonly string[] = [
  '<p>The paper fine-tunes Llama-2 for medical questions in two ways, all parameters and LoRA, scores both zero-shot on twelve benchmarks, and concludes:</p>',
  '<blockquote>“Overall, full-parameter fine-tuning achieved better performance than parameter-efficient fine-tuning in medical tasks (Figure 1). However, it is noteworthy that parameter-efficient fine-tuning methods, such as LoRA, yield results that are remarkably close […].”</blockquote>',
  '<p>It gives no interval, no number of runs and no test. This run asks the same, from its own base model: does tuning help, is one way better, what does each cost, and does contamination explain it?</p>',
];

export function whatWasRun({ record, decontamination }: ReportInputs): string {
  const { subject, mixture, models, packing } = record;
  const count = (n: number) => numberText(n, 0);
  const setting = mainSetting(record);
  const trained = (['lora', 'full'] as const).flatMap((method): [string, string][] => {
    const own = runsOf(record, method, setting);
    const config = own[0]?.training?.config;
    if (!config) return [];
    const seeds = own.map(({ seed }) => seed).join(', ');
    const runs = own.length === 1 ? `1 run, seed ${seeds}` : `${own.length} runs, seeds ${seeds}`;
    // A method's best rate may be the paper's.
    const isPapers = own.some((one) => isUnder(one, 'paper'));
    const rate = `peak rate ${config.learningRate}, ${isPapers ? 'the paper’s' : 'this run’s own'}`;
    return [[METHOD_LABELS[method], `${runs}; ${config.epochs} epoch${config.epochs === 1 ? '' : 's'}, ${rate}`]];
  });
  const besides = models.filter(
    (one) => one.method !== 'base' && one.setting === 'paper' && setting !== 'paper',
  ).length;
  const { tasks } = models[0]!.scores;
  const items = tasks.reduce((sum, { n }) => sum + n, 0);
  const data = `${count(mixture.total)} training rows of ${mixture.rows.length} sources, ${count(packing.tokens)} tokens in chunks of ${packing.maxSeqLen}, ${PACKING_LABELS[packing.packing]}`;
  const rows: (readonly [string, string])[] = [
    ['Base model', baseName(record)],
    ['Data', `${subject.data}: ${data}`],
    ...trained,
    ...equalEpochs(record),
    ...(besides > 0 ? [['Besides', `${besides} run${besides > 1 ? 's' : ''} at the paper’s own rates`] as const] : []),
    ['Scored', `${count(items)} items of ${tasks.length} tasks, zero-shot, the same for every model`],
    ['Contamination', decontamination.map(({ method }) => method).join('; ') || 'not looked for'],
    ['Device', subject.device],
  ];
  return `<dl>${rows.map(([name, text]) => `<dt>${htmlText(name)}</dt><dd>${htmlText(text)}</dd>`).join('')}</dl>`;
}

/** That methods are compared after equal epochs, and why; nothing where the run has no such pair. */
function equalEpochs(record: RunRecord): (readonly [string, string])[] {
  const [setting, fair] = [mainSetting(record), fairSetting(record)];
  if (fair === setting) return [];
  const own = (method: 'lora' | 'full') => runsOf(record, method, setting)[0]!.training!.config.epochs;
  const [lora] = runsOf(record, 'lora', fair);
  const { epochs, learningRate } = lora!.training!.config;
  const added = record.models.filter((one) => one.setting === fair).length;
  const text =
    `${added} runs more, so that both methods have ${epochs} epochs (LoRA at peak rate ${learningRate}): the paper gives LoRA ` +
    `${own('lora')} epochs and full-parameter training ${own('full')}, and a difference could come from either. The answer ` +
    'compares the methods after equal epochs; table 1 and the figures beside it keep the paper’s.';
  return [['Equal epochs', text]];
}

export function answer({ findings }: ReportInputs): string {
  const checks = findings.checks.map((check) => `<li>${htmlText(check)}</li>`).join('');
  return [
    `<div class="answer">${findings.answer.map((sentence) => `<p>${htmlText(sentence)}</p>`).join('')}</div>`,
    '<p class="note">Square brackets hold 95% intervals. A difference is called higher or lower only where its whole interval is.</p>',
    checks === '' ? '' : `<ul>${checks}</ul>`,
  ].join('\n');
}

export function answerMarkdown({ findings }: ReportInputs): string {
  return [...findings.answer.map(markdownText), ...findings.checks.map((check) => `- ${markdownText(check)}`)].join(
    '\n\n',
  );
}

export function limits({ record }: ReportInputs): string {
  const own = [
    `The models here come from ${baseName(record)}; the paper’s have 7 and 70 billion. What holds for one size need not hold for another.`,
    ...(record.facts
      ? [
          'The miniature’s world is generated: its facts are few and plain, and its questions follow templates. Its scores say how learning and measuring work, not how much medicine a model knows.',
        ]
      : []),
    'The paper’s printed accuracies come without their items, so no paired test against them is possible.',
    'Multiple-choice accuracy is not clinical competence.',
  ];
  return `<ul>${own.map((one) => `<li>${htmlText(one)}</li>`).join('')}</ul>`;
}

/** What was not read, left out or cut of the rows. */
export function rowsRead({ record: { notes = [] } }: ReportInputs): string {
  return notes.length > 0 ? `<ul>${notes.map((note) => `<li>${htmlText(note)}</li>`).join('')}</ul>` : '';
}

/** The same for report.md. */
export const rowsReadMarkdown = ({ record: { notes = [] } }: ReportInputs): string =>
  notes.map((note) => `- ${markdownText(note)}`).join('\n');
