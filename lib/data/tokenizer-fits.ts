import { dirname, join } from 'node:path';
import type { Tokenizer } from './tokenizer';

/**
 * @param vocabSize the rows of the model's embedding
 * @throws when an id of the tokenizer would have no row. (Rows without an id are usual and fine.)
 */
export function assertFits(
  tokenizer: Pick<Tokenizer, 'file' | 'vocabSize'> & Partial<Pick<Tokenizer, 'stopIds'>>,
  vocabSize: number,
): void {
  if (tokenizer.vocabSize > vocabSize) {
    throw new Error(
      `tokenizer: ${tokenizer.file} has the id ${tokenizer.vocabSize - 1} but the model's embedding has ${vocabSize} rows; ` +
        'use the tokenizer that belongs to the model, or resize the embedding',
    );
  }
  const beyond = tokenizer.stopIds?.find((id) => id >= vocabSize);
  if (beyond !== undefined) {
    throw new Error(
      `tokenizer: ${join(dirname(tokenizer.file), 'generation_config.json')}: "eos_token_id" must be below the ${vocabSize} rows ` +
        `of the model's embedding, got ${beyond}; correct it, or fetch the file again`,
    );
  }
}
