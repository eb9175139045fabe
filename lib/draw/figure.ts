type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type PlotlyObject = { readonly [key: string]: Json };

/**
 * A Plotly figure as JSON: what a notebook shows live, what `drawSvg` draws, what is saved beside the numbers.
 * `description` is not Plotly's: it says the figure in words, for those who cannot see it.
 */
export interface Figure {
  /** Names its files: 'figure-1'. */
  readonly key: string;
  readonly title: string;
  readonly data: readonly PlotlyObject[];
  readonly layout: PlotlyObject & { readonly width: number; readonly height: number };
  readonly description: string;
}
