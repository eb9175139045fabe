import type { Exchange, TrainExample } from './rows';

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

/**
 * How rows become text: `med42` as above; `model` as the model's own chat template says (`chat-template.ts`); `none`,
 * the prompt with the response right after it.
 */
export const TEMPLATES = ['med42', 'model', 'none'] as const;
export type TemplateName = (typeof TEMPLATES)[number];

/**
 * A conversation in Med42's format or in none, exchange after exchange; an end-of-sequence token follows each response.
 * Only the first prompt holds the system's text. Plain text is put into no template.
 */
export function renderExchanges(
  { history = [], plain, ...example }: Pick<TrainExample, 'system' | 'history' | 'prompt' | 'response' | 'plain'>,
  template: Exclude<TemplateName, 'model'>,
): readonly Exchange[] {
  const exchanges = [...history, { prompt: example.prompt, response: renderResponse(example) }];
  if (plain) return exchanges;
  if (template === 'none') {
    const [first, ...rest] = exchanges;
    const system = example.system ? `${example.system}\n` : '';
    return [{ ...first!, prompt: system + first!.prompt }, ...rest];
  }
  return exchanges.map(({ prompt, response }, i) => ({
    prompt: i === 0 ? renderPrompt({ ...example, prompt }) : `\n<|prompter|>:${prompt}\n<|assistant|>:\n`,
    response,
  }));
}
