import { renderPrompt } from '../../data/template';
import type { TaskForm } from './definition';

/**
 * The present form inside Med42's prompt template, MMLU's description with it; the delimiter is empty, for the template
 * ends where the answer begins. Its last line break moves to the continuation, as all white space at a context's end.
 *
 * Source: lm_eval/api/task.py, construct_requests with --apply_chat_template (the delimiter); data/template.ts.
 * Differs: the harness would put MMLU's description into the system prompt; Med42 has its own there.
 */
export const chatForm = (present: TaskForm): TaskForm => ({
  ...present,
  docToText: (item) => renderPrompt({ prompt: present.docToText(item) }),
  targetDelimiter: '',
});
