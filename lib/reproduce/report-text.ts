import { ASSUMPTIONS } from '../config';
import { constantAnswers } from '../eval/constant-answers';
import { MODELS } from '../report/compared';
import { markdownText } from '../report/escape';
import type { StepRecord } from '../train/log';
import type { ReportStage } from './report-stage';

/** report.md: what was run, on what, what came out, and what it does not show. */
export function reportMarkdown(stage: ReportStage, table: string): string {
  const { data, config, overlong, scores, trained } = stage;
  return [
    '# Med42 in this run',
    '**Research only. Not for clinical decisions.**',
    'Full-parameter fine-tuning against LoRA, each scored zero-shot beside the untouched base.',
    '## Accuracy',
    table,
    '![accuracy with 95% intervals](accuracy.svg)',
    ...notes(stage),
    '## Training',
    trainingTable(trained.map(({ method, records, trainable }) => ({ method, records, trainable }))),
    '![loss curves](loss.svg)',
    '## Data',
    mixtureTable(stage),
    ...(data.mixture.missing.length > 0
      ? [`Missing subsets of table A1, whose share went to the others: ${data.mixture.missing.join(', ')}.`]
      : []),
    ...(data.standIns.length > 0
      ? [
          'Stand-ins (rows that are not the subset’s own):',
          data.standIns.map((s) => `- ${s.subset}: ${s.rows} rows, ${markdownText(s.note)}`).join('\n'),
        ]
      : []),
    packingText(stage),
    ...(overlong.length > 0
      ? [
          `Left out of scoring, for an answer longer than the model’s context: ${overlong.length} items (${overlong
            .slice(0, 10)
            .map(markdownText)
            .join(', ')}${overlong.length > 10 ? ', …' : ''}).`,
        ]
      : []),
    `Items scored: ${scores.base.tasks
      .map((t) => `${t.task} ${t.n} of ${t.available}${t.seed === null ? '' : ` (sampled, seed ${t.seed})`}`)
      .join('; ')}.`,
    '## Assumed where the paper is silent',
    ASSUMPTIONS.map((a) => `- ${a}`).join('\n'),
    `Chunk length ${data.packing.maxSeqLen} where the paper has 4,096; batch size ${config.full.batchSize}. ` +
      'manifest.json tags every hyper-parameter as stated, assumed or varied.',
    '',
  ].join('\n\n');
}

function notes({ scores }: ReportStage): string[] {
  const { tasks } = scores.base;
  const truncated = tasks.reduce((sum, t) => sum + t.truncatedItems, 0);
  const n = tasks.reduce((sum, t) => sum + t.n, 0);
  const ties = tasks.reduce((sum, t) => sum + t.ties, 0);
  const constant = MODELS.flatMap((model) => {
    const found = constantAnswers(scores[model].items);
    if (found.length === 0) return [];
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    const list = found.map(
      (c) =>
        `${c.task} (choice ${c.choice + 1} in ${percent(c.share)} of its answers; always choosing it scores ${percent(c.accuracy)})`,
    );
    return [`- ${model}: ${list.join('; ')}`];
  });
  return [
    `Of ${n} items, ${truncated} (${((100 * truncated) / n).toFixed(1)} %) are longer than the model’s context and lost ` +
      `their beginning; ${ties} of the base’s answers were ties, which go to the first choice.`,
    ...(constant.length > 0
      ? [
          'Tasks on which a model gives the same choice nearly every time. Their accuracy is how often that choice ' +
            'happens to be right, also where it lies off the chance level; it shows no knowledge.',
          constant.join('\n'),
        ]
      : []),
  ];
}

/** First and last loss of a log; the first is before any update. */
export function lossSpan(records: readonly StepRecord[]): {
  readonly updates: number;
  readonly train: readonly [number, number];
  readonly heldOut: readonly [number, number] | undefined;
} {
  const losses = records.flatMap((r) => (r.loss === undefined ? [] : [r.loss]));
  const held = records.flatMap((r) => (r.heldOutLoss === undefined ? [] : [r.heldOutLoss]));
  const share = Math.max(1, Math.ceil(losses.length / 20));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    updates: losses.length,
    train: [mean(losses.slice(0, share)), mean(losses.slice(-share))],
    heldOut: held.length > 0 ? [held[0]!, held.at(-1)!] : undefined,
  };
}

function trainingTable(
  runs: readonly { readonly method: string; readonly records: readonly StepRecord[]; readonly trainable: number }[],
): string {
  const header =
    '| method | trained numbers | updates | loss, first and last 5 % of updates | held-out loss, before and after |\n|---|---:|---:|---|---|';
  const rows = runs.map(({ method, records, trainable }) => {
    const { updates, train, heldOut } = lossSpan(records);
    const arrow = (pair: readonly [number, number]) => `${pair[0].toFixed(4)} → ${pair[1].toFixed(4)}`;
    return `| ${method} | ${trainable.toLocaleString('en')} | ${updates} | ${arrow(train)} | ${heldOut ? arrow(heldOut) : '–'} |`;
  });
  return [header, ...rows].join('\n');
}

function mixtureTable({ data }: ReportStage): string {
  const header =
    '| subset | paper rows | paper % | available | drawn | drawn % | deviation, points | stand-in |\n|---|---:|---:|---:|---:|---:|---:|---|';
  const rows = data.mixture.rows.map(
    (r) =>
      `| ${markdownText(r.name)} | ${r.paperSamples.toLocaleString('en')} | ${r.paperPercent.toFixed(2)} | ${r.available} | ` +
      `${r.drawn} | ${r.drawnPercent.toFixed(2)} | ${r.deviation.toFixed(2)} | ${r.standIn ? 'yes' : ''}${r.short ? ' (all there is)' : ''} |`,
  );
  return [header, ...rows].join('\n');
}

function packingText({ data }: ReportStage): string {
  const p = data.packing;
  return (
    `Packing "${p.packing}": ${p.samples} samples in ${p.chunks} chunks of ${p.maxSeqLen} tokens, ` +
    `${(100 * p.fillRate).toFixed(1)} % filled; ${p.lossTokens} of ${p.tokens} tokens carry loss; ` +
    `${p.samplesSplit} samples are cut at a chunk’s edge, ${p.zeroLoss} chunks had no response token, so nothing to learn, and were left out.`
  );
}
