import { type ReportParts, reportParts } from '../../report/parts';
import { requireRun } from './require-run';

export interface RequiredReport extends ReportParts {
  /** True for the run that comes with the workbook: nothing was run here yet. */
  readonly recorded: boolean;
}

/**
 * The tables, figures and findings of a finished run, and its record: computed from its saved files alone.
 *
 * @param run names the folder: 'miniature' is results/miniature
 * @throws as `requireRun`
 */
export async function requireReport(run: string): Promise<RequiredReport> {
  const { record, decontamination, recorded } = await requireRun(run);
  return { ...reportParts(record, { decontamination }), recorded };
}
