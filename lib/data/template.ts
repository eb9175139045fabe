import type { TrainExample } from './rows';

/** The system prompt of Med42's model card, for rows that bring none. */
export const DEFAULT_SYSTEM_PROMPT = 'You are a helpful medical assistant created by M42 Health in the UAE.';

/**
 * A row in Med42's format, up to where the response begins:
 *
 *     \n<|system|>: {system}\n<|prompter|>:{prompt}\n<|assistant|>:\n
 *
 * The tags are plain text, several tokens each: no token is added to the vocabulary. A row's own `system` wins over
 * the default, even when it is the empty string. Nothing is trimmed. Training and inference both prompt with this.
 *
 * Source: paper, Training Dataset ('the keywords <|system|>, <|prompter|>, and <|assistant|>'); the exact white space
 * is the model card's.
 */
export function renderPrompt(example: Pick<TrainExample, 'system' | 'prompt'>): string {
  return promptParts(example)
    .map(({ text }) => text)
    .join('');
}

/** `renderPrompt`'s text in its five parts: tags, and what stands between them. */
export function promptParts({ system, prompt }: Pick<TrainExample, 'system' | 'prompt'>): readonly {
  readonly role: 'tag' | 'system' | 'prompt';
  readonly text: string;
}[] {
  return [
    { role: 'tag', text: '\n<|system|>: ' },
    { role: 'system', text: system ?? DEFAULT_SYSTEM_PROMPT },
    { role: 'tag', text: '\n<|prompter|>:' },
    { role: 'prompt', text: prompt },
    { role: 'tag', text: '\n<|assistant|>:\n' },
  ];
}

/** What the model is to answer, as it is; the end-of-sequence token that follows is `samples.ts`'s to add. */
export function renderResponse(example: Pick<TrainExample, 'response'>): string {
  return example.response;
}
