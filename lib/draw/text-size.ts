/*
 * Plotly places legends, titles and annotations by asking the browser how large a text is. Without a browser this table
 * answers: advance widths in thousandths of an em of DejaVu Sans, for the characters from space to tilde. It is the widest
 * of the fonts that 'sans-serif' commonly means, so a reader's own font leaves air and never overlaps.
 */
const WIDTHS = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
  636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
  748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
  615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
  337, 636, 838,
];

/** Anything else, Chinese and such: as wide as it is high. */
const OTHER = 1000;
/** Bold letters are wider by about this much. */
const BOLD = 1.12;

/** Above and below the baseline, in em. */
export const ASCENT = 0.93;
export const DESCENT = 0.24;
/** From one baseline to the next, in em: Plotly's. */
export const LINE_HEIGHT = 1.3;

/**
 * How wide one line of text is.
 *
 * @param fontSize in pixels; the result too
 */
export function textWidth(text: string, fontSize: number, bold = false): number {
  let width = 0;
  for (const character of text) width += WIDTHS[character.codePointAt(0)! - 32] ?? OTHER;
  return ((width * fontSize) / 1000) * (bold ? BOLD : 1);
}
