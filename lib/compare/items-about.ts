import { TAUGHT_GROUPS } from './labels';
import { ANSWER_IN_CONTEXT, type ComparedRun } from './models';
import type { RunRecord } from './run-record';

/**
 * The run with the items alone that ask for facts which the training rows teach; the whole run where facts are not known.
 * Items that answer themselves are left out.
 */
export function aboutTaughtFacts({ models, facts }: RunRecord): ComparedRun {
  if (!facts) return { models, facts };
  return {
    facts,
    models: models.map((model) => ({
      ...model,
      scores: {
        items: model.scores.items.filter(
          ({ id, task }) => TAUGHT_GROUPS.includes(facts[id]?.group ?? '') && !ANSWER_IN_CONTEXT.includes(task),
        ),
      },
    })),
  };
}
