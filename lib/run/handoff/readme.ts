import type { HandoffSettings } from './settings';
export const handoffReadme = (_: HandoffSettings): string => '';
