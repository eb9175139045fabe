import type { HandoffSettings } from './settings';
export const launchFiles = (_: HandoffSettings): Record<string, string> => ({});
