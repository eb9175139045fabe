import { nature } from './everyday-nature';
import { things } from './everyday-things';
import { words } from './everyday-words';
import type { Relation } from './relation';

/** The non-medical world: what the base learns the lettered format from, and the general 41.83 % of the mixture. */
export const everyday: readonly Relation[] = [...nature, ...words, ...things];
