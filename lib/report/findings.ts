import { costOf } from '../compare/cost';
import { verdictOf } from '../compare/estimate';
import { type Forgetting, forgettingOf } from '../compare/forgetting';
import { type Contrast, differenceOf, type ModelComparison, mainSlice, type SliceComparison } from '../compare/models';
import type { RunRecord, Setting } from '../compare/run-record';
import { fairSetting, isCompared, mainSetting, runsOf } from '../compare/runs';
import type { Method } from '../config';
import type { Decontamination } from '../decontaminate/record';
import { checksOf } from './checks';
import { isEstimate, numberText, pText } from './table';
import { NAMES, pointsText } from './verdict-words';

/** What the numbers say, in words that follow from them. */
export interface Findings {
  /**
   * Did tuning help; LoRA or full; at what price: three sentences. Where methods were trained for equal epochs too, the
   * answer is of these, and a fourth says what the paper’s epochs give.
   */
  readonly answer: readonly string[];
  /** What else must be known to believe them. */
  readonly checks: readonly string[];
}

export function findings(
  record: RunRecord,
  comparison: ModelComparison | null,
  detector: Decontamination | null,
): Findings {
  const [main, fair] = [mainSetting(record), fairSetting(record)];
  const contrast = (from: Contrast['from'], to: Contrast['to'], setting = fair) =>
    comparison?.contrasts.find((one) => one.setting === setting && one.from === from && one.to === to);
  return {
    answer: [
      `${equalEpochs(record)}${againstBase([contrast('base', 'lora'), contrast('base', 'full')].flatMap((one) => one ?? []))}`,
      loraAgainstFull(contrast('lora', 'full')),
      ...(fair === main ? [] : paperEpochs(record, contrast('lora', 'full', main), contrast('base', 'lora', main))),
      price(record),
    ],
    checks: checksOf(record, comparison, detector),
  };
}

/** 'Both methods were trained for 3 epochs, each at its own best peak rate. ', where that is what is compared. */
function equalEpochs(record: RunRecord): string {
  if (fairSetting(record) !== 'controlled') return '';
  const epochs = epochsOf(record, 'full', 'controlled');
  return `Both methods were trained for ${epochs} epochs, each at its own best peak rate. `;
}

/** What the methods come to under the paper's epochs, and why their difference is not the method's alone. */
function paperEpochs(record: RunRecord, methods: Contrast | undefined, lora: Contrast | undefined): string[] {
  if (!methods || !lora) return [];
  const setting = mainSetting(record);
  const [loraEpochs, fullEpochs] = [epochsOf(record, 'lora', setting), epochsOf(record, 'full', setting)];
  return [
    `Under the paper’s own epochs, ${loraEpochs} for LoRA and ${fullEpochs} for full-parameter training, full minus LoRA is ` +
      `${pointsText(differenceOf(mainSlice(methods)))} (LoRA against the base ${pointsText(differenceOf(mainSlice(lora)))}): there a ` +
      'difference is of method and number of epochs together, as it is in the paper.',
  ];
}

const epochsOf = (record: RunRecord, method: Method, setting: Setting): number =>
  runsOf(record, method, setting)[0]!.training!.config.epochs;

function againstBase(contrasts: readonly Contrast[]): string {
  if (contrasts.length === 0) return 'Nothing was tuned, so there is nothing to set against the base.';
  const slices = contrasts.map(mainSlice);
  const where = whereOf(slices[0]!);
  const told = contrasts.map(({ to }, i) => {
    const difference = differenceOf(slices[i]!);
    return { name: NAMES[to], verdict: verdictOf(difference), text: pointsText(difference) };
  });
  const verdicts = new Set(told.map(({ verdict }) => verdict));
  const list = told.map(({ name, text }) => `${name} ${text}`).join(', ');
  if (told.length === 2 && verdicts.size === 1) {
    const both = {
      higher: 'both tuned models score higher than the untouched base',
      lower: 'both tuned models score lower than the untouched base',
      untold: 'neither tuned model can be told from the untouched base',
      equal: 'both tuned models answer exactly as well as the untouched base',
    }[told[0]!.verdict];
    return `On ${where}, ${both}: ${list}.`;
  }
  const each = told.map(({ name, verdict, text }) => {
    if (verdict === 'untold') return `${name} cannot be told from the untouched base (${text})`;
    if (verdict === 'equal') return `${name} answers exactly as well as the untouched base`;
    return `${name} scores ${verdict} than the untouched base (${text})`;
  });
  return `On ${where}, ${each.join('; ')}.`;
}

function loraAgainstFull(contrast: Contrast | undefined): string {
  if (!contrast) return 'LoRA and full-parameter training were not both run, so they are not compared.';
  const slice = mainSlice(contrast);
  const difference = differenceOf(slice);
  const { seedsFrom, seedsTo, detectable, p, counts } = slice.pooled;
  const seeds =
    counts === 'items and seeds'
      ? `${seedsFrom} and ${seedsTo} training seeds, which the interval counts`
      : 'one training seed each, so another training could differ by more than the interval says';
  const size = Math.abs(isEstimate(difference) ? difference.value : difference);
  const interval = isEstimate(difference) ? pointsText(difference) : `${numberText(size, 1)} points`;
  const pWords = p === null ? '' : `, p ${p < 0.001 ? pText(p) : `= ${pText(p)}`}`;
  switch (verdictOf(difference)) {
    case 'higher':
      return `Full-parameter training scores higher than LoRA on the same items: ${interval}${pWords} (${seeds}).`;
    case 'lower':
      return `Full-parameter training scores lower than LoRA on the same items: ${interval}${pWords} (${seeds}).`;
    case 'equal':
      return `LoRA and full-parameter training answer equally well on the same items (${seeds}).`;
    default: {
      const limit =
        detectable === null
          ? ''
          : `; a true difference below about ${numberText(100 * detectable, 1)} points could go unseen`;
      return `LoRA and full-parameter training cannot be told apart on the same items: full minus LoRA is ${interval}${pWords} (${seeds})${limit}.`;
    }
  }
}

function price(record: RunRecord): string {
  const setting = fairSetting(record);
  const [lora, full] = [costOf(runsOf(record, 'lora', setting)), costOf(runsOf(record, 'full', setting))];
  if (!lora || !full) return 'The price of LoRA against full-parameter training cannot be told from one of them alone.';
  const share = (a: number, b: number) =>
    a < b ? `${numberText((100 * a) / b, a < 0.1 * b ? 1 : 0)}% of` : `${numberText(a / b, a < 10 * b ? 2 : 0)} times`;
  const parts =
    `Against full-parameter training, LoRA changes ${share(lora.trainable, full.trainable)} the parameters, saves a file ` +
    `${share(lora.savedBytes, full.savedBytes)} the size and took ${share(lora.peakMemoryBytes, full.peakMemoryBytes)} the peak memory and ` +
    `${share(lora.seconds, full.seconds)} the time, for ${lora.tokens === full.tokens ? 'the same' : `${share(lora.tokens, full.tokens)} the`} tokens`;
  const forgetting = forgettingOf(record).filter((one) => isCompared(record, one) && one.change !== null);
  const quiz = (['lora', 'full'] as const).flatMap((method) => forgetting.filter((one) => one.method === method));
  return `${parts}${quiz.length === 0 ? '' : `; on the general quiz, ${quiz.map(forgotten).join(' and ')}`}.`;
}

function forgotten({ method, change }: Forgetting): string {
  const name = NAMES[method];
  switch (verdictOf(change!)) {
    case 'higher':
      return `${name} gained ${pointsText(change!)}`;
    case 'lower':
      return `${name} lost ground, ${pointsText(change!)}`;
    case 'equal':
      return `${name} lost nothing`;
    default:
      return `${name} shows no change that can be told from none (${pointsText(change!)})`;
  }
}

function whereOf({ kind, n, clusters }: SliceComparison): string {
  const items = `${n.toLocaleString('en-US')} items`;
  return kind === 'tuned-groups'
    ? `the facts that were fine-tuned on (${items} about ${clusters} facts)`
    : `all ${items}`;
}
