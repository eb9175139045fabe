import { ASSUMPTIONS } from '../config';
import { PACKING_ASSUMPTIONS, type Packing } from '../data/packing/report';

/** What the paper does not state and a run decided; without rows that were packed, the rest. */
export const assumptionsOf = (packing?: Packing): readonly string[] =>
  packing ? [...ASSUMPTIONS, PACKING_ASSUMPTIONS[packing]] : ASSUMPTIONS;
