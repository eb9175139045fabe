import type { EvalItem } from '../data/examples';
import type { BosPolicy, RequestEncoder, ScoringTokenizer } from './encode-request';
import { type GroupResult, groupResults } from './groups';
import { checkItem } from './item-checks';
import { type ItemResult, itemResult, summary, type TaskResult } from './item-result';
import { type LoglikelihoodResult, loglikelihood, type TokenScorer } from './loglikelihood';
import { type LoglikelihoodRequest, requestHash, requestsOf } from './requests';
import { sampleItems } from './sample';
import type { TaskDefinition, TaskVariant } from './tasks/definition';
import { inTaskOrder, type TaskName, taskOf } from './tasks/tasks';

export interface ScoreOptions {
  readonly variant?: TaskVariant;
  /** Default 'never', the harness of the paper's time. */
  readonly bos?: BosPolicy;
  /** Where the token ids of `requestsToScore` are known already; default: its requests are tokenised. */
  readonly encode?: RequestEncoder;
  /** Score a seeded sample of at most so many items of each task. */
  readonly limitPerTask?: number;
  /** Of the sample; default 0. */
  readonly seed?: number;
  /** Results of an earlier start: their items are not scored again. */
  readonly known?: readonly ItemResult[];
  /** Each item's result as soon as it is there; the model waits for what it returns. */
  readonly onItem?: (result: ItemResult) => Promise<void> | void;
  /** Rows done, of all rows of all tasks. */
  readonly onProgress?: (done: number, total: number) => void;
}

export type { ItemResult, TaskResult };

export interface ScoreResult {
  readonly tasks: readonly TaskResult[];
  /** The averages of the families, the paper's two among them, over the tasks present. */
  readonly groups: readonly GroupResult[];
  readonly items: readonly ItemResult[];
  /** Rows that the model read, in all starts, and their tokens: the answers of one question share its context. */
  readonly rowCount: number;
  readonly tokenCount: number;
}

/**
 * Scores multiple-choice items zero-shot: every choice's log-likelihood after the question, the largest is the answer.
 * Items of several tasks may be mixed; results come in the order of the benchmarks, which begins as the paper's table 1, items in the order given.
 *
 * @param items any number N of any tasks; ids unique within a task
 * @param scorer the model
 * @param tokenizer the model's own
 * @throws naming the item, for one that cannot be scored as its task wants
 * Source: lm_eval/evaluator.py, api/task.py; the rules that surprise are in tasks/, encode-request, loglikelihood and metrics.
 */
export async function scoreItems(
  items: readonly EvalItem[],
  scorer: TokenScorer,
  tokenizer: ScoringTokenizer,
  options: ScoreOptions = {},
): Promise<ScoreResult> {
  const { variant = 'present', bos = 'never', known = [], encode, onItem, onProgress } = options;
  const plans = scoringPlan(items, options);
  const results = new Map(known.map((result) => [keyOf(result.task, result.id), result]));
  const open = plans.flatMap(({ task, chosen }) => chosen.map((item) => openItem(item, task)));
  const isDone = open.map(({ task, item }) => results.has(keyOf(task.name, item.id)));
  const places = open.flatMap((one, i) => one.requests.map((_, choice) => ({ one, choice, known: isDone[i]! })));
  const { rowCount, tokenCount } = await loglikelihood(
    open.flatMap((one) => one.requests),
    scorer,
    tokenizer,
    {
      bos,
      ...(encode ? { encode } : {}),
      isKnown: (request) => places[request]!.known,
      ...(onProgress ? { onProgress } : {}),
      onResult: async (request, result) => {
        const { one, choice } = places[request]!;
        one.found[choice] = result;
        if (Object.keys(one.found).length < one.requests.length) return;
        const done = itemResult(one.item, one.task, one.found);
        results.set(keyOf(done.task, done.id), done);
        await onItem?.(done);
      },
    },
  );
  const scored = plans.map(({ task, chosen, available, seed }) => {
    const own = chosen.map((item) => results.get(keyOf(task.name, item.id))!);
    const requests = chosen.flatMap((item) => requestsOf(item, task));
    const base = { task: task.name, variant, version: task.version, bos, available, seed };
    const asked = { requests: requests.length, requestHash: requestHash(requests) };
    return { items: own, task: { ...base, ...summary(own, chosen, task), ...asked } };
  });
  const tasks = scored.map((one) => one.task);
  return { tasks, groups: groupResults(tasks), items: scored.flatMap((one) => one.items), rowCount, tokenCount };
}

const keyOf = (task: TaskName, id: string): string => `${task} ${id}`;

/** An item of the plan; `found` fills up, in whatever order. */
const openItem = (item: EvalItem, task: TaskDefinition) => ({
  item,
  task,
  requests: requestsOf(item, task),
  found: [] as LoglikelihoodResult[],
});

/** The items of one task that are scored. */
export interface TaskPlan {
  readonly task: TaskDefinition;
  readonly chosen: readonly EvalItem[];
  /** Of so many. */
  readonly available: number;
  /** Of the sample; null when all are scored. */
  readonly seed: number | null;
}

/** Which items are scored as which task, in the order of the benchmarks. */
export function scoringPlan(
  items: readonly EvalItem[],
  { variant = 'present', limitPerTask, seed = 0 }: Pick<ScoreOptions, 'variant' | 'limitPerTask' | 'seed'>,
): TaskPlan[] {
  return byTask(items, variant).map(({ task, items: available }) => {
    const chosen = limitPerTask === undefined ? available : sampleItems(available, limitPerTask, seed, task.name);
    for (const item of chosen) checkItem(item, task);
    return { task, chosen, available: available.length, seed: chosen.length < available.length ? seed : null };
  });
}

/** The requests of the items that are scored, in the order in which they are asked. */
export function requestsToScore(
  items: readonly EvalItem[],
  options: Pick<ScoreOptions, 'variant' | 'limitPerTask' | 'seed'>,
): LoglikelihoodRequest[] {
  return scoringPlan(items, options).flatMap(({ task, chosen }) => chosen.flatMap((item) => requestsOf(item, task)));
}

function byTask(items: readonly EvalItem[], variant: TaskVariant): { task: TaskDefinition; items: EvalItem[] }[] {
  const groups = new Map<TaskName, { task: TaskDefinition; items: EvalItem[]; ids: Set<string> }>();
  for (const item of items) {
    const task = taskOf(item, variant);
    const group = groups.get(task.name) ?? { task, items: [], ids: new Set() };
    groups.set(task.name, group);
    if (group.ids.has(item.id))
      throw new Error(`${task.name}: item ${item.id} is there twice; give each item its own id`);
    group.ids.add(item.id);
    group.items.push(item);
  }
  return inTaskOrder(groups.keys()).map((name) => groups.get(name)!);
}
