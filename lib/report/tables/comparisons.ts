import { GROUP_LABELS, METHOD_LABELS } from '../../compare/labels';
import { type Contrast, differenceOf, type ModelComparison, type SliceComparison } from '../../compare/models';
import { taskLabel } from '../../eval/tasks/tasks';
import type { Cell, Column, Table } from '../table';

/** A slice's name for a reader. */
function sliceLabel({ kind, name }: Pick<SliceComparison, 'kind' | 'name'>): string {
  if (kind === 'all') return 'All items';
  if (kind === 'tuned-groups') return 'All fine-tuned facts';
  if (kind === 'fact-group') return `Facts ${GROUP_LABELS[name]?.label ?? name}`;
  return taskLabel(name);
}

/** All items, then the groups of facts in their order, then the tasks in the benchmarks' order. */
function placeOf({ kind, name }: SliceComparison): number {
  if (kind === 'all') return 0;
  if (kind === 'tuned-groups') return 1;
  return kind === 'fact-group' ? 2 + Object.keys(GROUP_LABELS).indexOf(name) : 10;
}

const WHERE: Readonly<Record<Contrast['setting'], string>> = {
  tuned: '',
  controlled: ', both methods trained for equal epochs',
  paper: ', at the paper’s own rates',
};

/** base to LoRA, base to full and LoRA to full on the same items, at one setting. */
export function comparisons(
  { contrasts, clusteredBy, bootstrap }: ModelComparison,
  setting: Contrast['setting'],
): Table | null {
  const own = contrasts.filter((contrast) => contrast.setting === setting);
  const [first] = own;
  if (!first) return null;
  const order = first.slices.map((slice, i) => ({ slice, i })).sort((a, b) => placeOf(a.slice) - placeOf(b.slice));
  const seeds = Math.min(...own.flatMap(({ slices }) => slices.map(({ pooled }) => pooled.seedsTo)));
  return {
    key: { tuned: 'comparisons', controlled: 'comparisons-controlled', paper: 'comparisons-paper-rates' }[setting],
    title: `Differences in accuracy between models on the same items, in points${WHERE[setting]}`,
    columns: [
      { key: 'slice', label: 'Items' },
      { key: 'n', label: 'n' },
      ...own.flatMap(({ from, to }): Column[] => {
        const group = `${METHOD_LABELS[from]} → ${METHOD_LABELS[to]}`;
        return [
          { key: `${from}_${to}`, label: 'difference', group, digits: 1, signed: true, estimate: true },
          { key: `${from}_${to}_p`, label: 'p', group, isP: true },
          { key: `${from}_${to}_p_holm`, label: 'p, Holm', group, isP: true },
          ...(from === 'lora' ? [{ key: `${from}_${to}_detectable`, label: 'detectable', group, digits: 1 }] : []),
        ];
      }),
    ],
    rows: order.map(({ slice, i }) => ({
      level: slice.kind === 'task' ? 'part' : 'whole',
      cells: [
        sliceLabel(slice),
        slice.n,
        ...own.flatMap(({ from, slices }): Cell[] => {
          const one = slices[i]!;
          const { p, pHolm, detectable } = one.pooled;
          const least = detectable === null ? null : 100 * detectable;
          return [differenceOf(one), p, pHolm, ...(from === 'lora' ? [least] : [])];
        }),
      ],
    })),
    notes: [
      `Paired: the same items, ${clusteredBy === 'item' ? 'each on its own' : `clustered by ${clusteredBy}`}; the interval ` +
        `counts other items that could be asked${seeds > 1 ? ' and other training seeds that could be run' : ', one training seed each, so not what another seed would change'}. ` +
        'p two-sided by Student’s t; p, Holm: corrected over the tasks of one contrast.',
      `Detectable: the true difference that such a comparison finds four times out of five; a smaller one may well be there. comparison.json has, for each seed, McNemar’s exact test and a bootstrap interval (${bootstrap.resamples.toLocaleString('en-US')} resamples).`,
    ],
  };
}
