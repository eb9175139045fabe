import { expect, test } from 'vitest';
import { DEFAULT_SYSTEM_PROMPT, renderPrompt, renderResponse } from '../../lib/data/template';

test("the prompt is Med42's, character for character", () => {
  expect(renderPrompt({ prompt: 'What is anemia?' })).toBe(
    '\n<|system|>: You are a helpful medical assistant created by M42 Health in the UAE.\n<|prompter|>:What is anemia?\n<|assistant|>:\n',
  );
  expect(DEFAULT_SYSTEM_PROMPT).toBe('You are a helpful medical assistant created by M42 Health in the UAE.');
});

test("a row's own system prompt wins, even an empty one; nothing is trimmed", () => {
  expect(renderPrompt({ system: ' Think. ', prompt: ' Q\n' })).toBe(
    '\n<|system|>:  Think. \n<|prompter|>: Q\n\n<|assistant|>:\n',
  );
  expect(renderPrompt({ system: '', prompt: 'Q' })).toBe('\n<|system|>: \n<|prompter|>:Q\n<|assistant|>:\n');
  expect(renderResponse({ response: ' Yes. ' })).toBe(' Yes. ');
});
