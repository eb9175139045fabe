import type { Packing } from '../data/packing/report';
import type { Setting } from './run-record';
import type { ModelName } from './runs';

export const METHOD_LABELS: Readonly<Record<ModelName, string>> = {
  base: 'base',
  lora: 'LoRA',
  full: 'full-parameter',
};

export const SETTING_LABELS: Readonly<Record<Setting, string>> = {
  tuned: 'own rate',
  controlled: 'equal epochs',
  paper: 'paper’s rate',
};

/** How a run's rows lie in their chunks. */
export const PACKING_LABELS: Readonly<Record<Packing, string>> = {
  concatenated: 'rows in one stream',
  'block-diagonal': 'rows apart',
  padded: 'one row a chunk',
};

/** The miniature's four groups of facts, in the order they are shown. */
export const GROUP_LABELS: Readonly<Record<string, { readonly label: string; readonly meaning: string }>> = {
  'read-and-tuned': { label: 'read and fine-tuned', meaning: 'in the base’s text and in the training rows' },
  'read-only': { label: 'read only', meaning: 'in the base’s text alone' },
  'tuned-only': { label: 'fine-tuned only', meaning: 'in the training rows alone' },
  control: { label: 'in neither (control)', meaning: 'nowhere: a score above chance would be a leak' },
};

/** The groups whose facts the training rows teach. */
export const TAUGHT_GROUPS: readonly string[] = ['read-and-tuned', 'tuned-only'];
