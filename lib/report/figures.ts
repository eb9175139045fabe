/*
 * Figures as Plotly specs: pure functions of saved results, shown live in a notebook or drawn by `drawSvg`.
 */
export { accuracyFigure } from './accuracy-figure';
export type { Figure } from './figure-style';
export { type LossFigureOptions, type LossRun, lossFigure } from './loss-figure';
