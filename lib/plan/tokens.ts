/**
 * Tokens of a training sample of the paper's mixture, on average: the paper states none.
 *
 * Measured with Llama-2's tokenizer on rows of nine of table A1's seventeen sources, of which the general ones are partly
 * stand-ins, weighted by table A1's samples: 123.4 million tokens for the 579,926 samples of those nine.
 */
export const TOKENS_A_SAMPLE = 213;

/** What that rests on, to be said beside every number that follows from it. */
export const TOKENS_NOTE =
  `${TOKENS_A_SAMPLE} tokens a sample: measured on rows of nine of the seventeen sources (82 % of the samples), ` +
  'partly stand-ins; the paper states none';
