import { METHOD_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { runsOf } from '../../compare/runs';
import { ALL_LINEAR } from '../../config';
import type { Decontamination } from '../../decontaminate/record';
import { type HyperParameter, taggedHyperParameters } from '../../paper/hyper-parameters';
import { assumptionsOf } from '../assumptions';
import type { Cell, Column, Table } from '../table';

/**
 * Every hyper-parameter of the compared runs, and the packing of their rows: as the paper states it, varied, or assumed
 * because it states none.
 */
export function hyperParameters(record: RunRecord): Table {
  const arms = (['lora', 'full'] as const).flatMap((method) => {
    const config = runsOf(record, method)[0]?.training?.config;
    return config ? [{ method, tags: taggedHyperParameters(config) }] : [];
  });
  const names = [...new Set(arms.flatMap(({ tags }) => Object.keys(tags)))];
  return {
    key: 'hyper-parameters',
    title: 'Hyper-parameters, and where each value comes from',
    columns: [
      { key: 'name', label: 'Hyper-parameter' },
      ...arms.flatMap(({ method }): Column[] => {
        const group = METHOD_LABELS[method];
        return [
          { key: `${method}_value`, label: 'here', group, align: 'right' },
          { key: `${method}_paper`, label: 'paper', group, align: 'right' },
          { key: `${method}_origin`, label: 'origin', group },
        ];
      }),
    ],
    rows: [
      { cells: ['packing', ...arms.flatMap((): Cell[] => [record.packing.packing, null, 'assumed'])] },
      ...names.map((name) => ({
        cells: [
          name,
          ...arms.flatMap(({ tags }): Cell[] => {
            const tag = tags[name];
            return tag
              ? [valueText(tag.value), tag.paper === null ? null : valueText(tag.paper), tag.origin]
              : [null, null, null];
          }),
        ],
      })),
    ],
    notes: [
      'stated: the paper gives it and it is used. varied: the paper gives another. assumed: the paper gives none.',
    ],
  };
}

function valueText(value: HyperParameter['value']): string {
  if (typeof value !== 'object') return String(value);
  const isAll = value.length === ALL_LINEAR.length && ALL_LINEAR.every((name) => value.includes(name));
  return isAll ? `all ${value.length} linear layers` : value.join(' ');
}

/** What the paper leaves open and was decided here. */
export function assumptions({ packing }: RunRecord, detectors: readonly Decontamination[]): Table {
  const all = [...new Set([...assumptionsOf(packing.packing), ...detectors.flatMap((one) => one.assumptions)])];
  return {
    key: 'assumptions',
    title: 'What the paper does not state, and what was assumed',
    columns: [
      { key: 'number', label: '#' },
      { key: 'assumption', label: 'Assumed here' },
    ],
    rows: all.map((text, i) => ({ cells: [i + 1, text] })),
    notes: [],
  };
}
