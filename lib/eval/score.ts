import type { EvalItem } from '../data/examples';
import { type Proportion, proportion } from '../statistics/proportion';
import type { BosPolicy, ScoringTokenizer } from './encode-request';
import { type GroupResult, groupResults } from './groups';
import { checkItem } from './item-checks';
import { type LoglikelihoodResult, loglikelihood, type TokenScorer } from './loglikelihood';
import { chanceLevel, firstMaximum, majorityBaseline, perCharacter } from './metrics';
import { requestHash, requestsOf } from './requests';
import { sampleItems } from './sample';
import { TASK_NAMES, type TaskDefinition, type TaskName, type TaskVariant } from './task-definition';
import { taskOf } from './tasks';

export interface ScoreOptions {
  readonly variant?: TaskVariant;
  /** Default 'never', the harness of the paper's time. */
  readonly bos?: BosPolicy;
  /** Score a seeded sample of at most so many items of each task. */
  readonly limitPerTask?: number;
  /** Of the sample; default 0. */
  readonly seed?: number;
  /** Rows done, of all rows of all tasks. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One item, with all that a later comparison needs. Places are places in the task's `docToChoice`. */
export interface ItemResult {
  readonly id: string;
  readonly task: TaskName;
  readonly logLikelihoods: readonly number[];
  readonly isGreedy: readonly boolean[];
  /** Tokens of each continuation. */
  readonly tokenCounts: readonly number[];
  readonly prediction: number;
  readonly predictionNorm: number;
  readonly answer: number;
  readonly tied: boolean;
  readonly tiedNorm: boolean;
  /** The most tokens that one of its requests lost on the left. */
  readonly truncatedTokens: number;
  /** Requests whose context does not tokenise to a prefix of the whole. */
  readonly seams: number;
}

/** One row of the results table. */
export interface TaskResult {
  readonly task: TaskName;
  readonly variant: TaskVariant;
  readonly version: string;
  readonly bos: BosPolicy;
  /** Items scored, of how many given; the seed of the sample, null when all were scored. */
  readonly n: number;
  readonly available: number;
  readonly seed: number | null;
  readonly acc: Proportion;
  /** Null where the harness does not report it. */
  readonly accNorm: Proportion | null;
  /** Items whose maximum was shared; the first choice was taken. */
  readonly ties: number;
  readonly tiesNorm: number;
  /** Mean of 1/choices. */
  readonly chance: number;
  /** The best constant answer and its accuracy. */
  readonly majority: { readonly answer: number; readonly share: number };
  readonly requests: number;
  readonly requestHash: string;
  readonly truncatedItems: number;
  /** Tokens lost, summed over items and the most of one. */
  readonly truncatedTokens: number;
  readonly truncatedTokensMax: number;
  readonly seams: number;
}

export interface ScoreResult {
  readonly tasks: readonly TaskResult[];
  /** The paper's two averages, over the tasks present. */
  readonly groups: readonly GroupResult[];
  readonly items: readonly ItemResult[];
  /** Rows that the model read, and their tokens: the answers of one question share its context. */
  readonly rowCount: number;
  readonly tokenCount: number;
}

/**
 * Scores multiple-choice items zero-shot: every choice's log-likelihood after the question, the largest is the answer.
 * Items of several tasks may be mixed; results come in the order of the paper's table 1, items in the order given.
 *
 * @param items any number N of any tasks; ids unique within a task
 * @param scorer the model
 * @param tokenizer the model's own
 * @throws naming the item, for one that cannot be scored as its task wants
 * Source: lm_eval/evaluator.py, api/task.py; the rules that surprise are in present-tasks, encode-request, loglikelihood and metrics.
 */
export async function scoreItems(
  items: readonly EvalItem[],
  scorer: TokenScorer,
  tokenizer: ScoringTokenizer,
  { variant = 'present', bos = 'never', limitPerTask, seed = 0, onProgress }: ScoreOptions = {},
): Promise<ScoreResult> {
  const plans = byTask(items, variant).map(({ task, items: available }) => {
    const chosen = limitPerTask === undefined ? available : sampleItems(available, limitPerTask, seed, task.name);
    for (const item of chosen) checkItem(item, task);
    const requests = chosen.map((item) => requestsOf(item, task));
    const sampled = chosen.length < available.length;
    return { task, chosen, requests, available: available.length, seed: sampled ? seed : null };
  });
  const { results, rowCount, tokenCount } = await loglikelihood(
    plans.flatMap((plan) => plan.requests.flat()),
    scorer,
    tokenizer,
    onProgress ? { bos, onProgress } : { bos },
  );

  let next = 0;
  const scored = plans.map(({ task, chosen, requests, available, seed: sampleSeed }) => {
    const itemResults = chosen.map((item, i) => {
      const count = requests[i]!.length;
      next += count;
      return itemResult(item, task, results.slice(next - count, next));
    });
    const flat = requests.flat();
    const base = { task: task.name, variant, version: task.version, bos, available, seed: sampleSeed };
    const asked = { requests: flat.length, requestHash: requestHash(flat) };
    return { items: itemResults, task: { ...base, ...summary(itemResults, task), ...asked } };
  });
  const tasks = scored.map((one) => one.task);
  return { tasks, groups: groupResults(tasks), items: scored.flatMap((one) => one.items), rowCount, tokenCount };
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
  return TASK_NAMES.flatMap((name) => groups.get(name) ?? []);
}

function itemResult(item: EvalItem, task: TaskDefinition, results: readonly LoglikelihoodResult[]): ItemResult {
  const logLikelihoods = results.map((result) => result.logLikelihood);
  const decision = firstMaximum(logLikelihoods);
  const decisionNorm = firstMaximum(perCharacter(logLikelihoods, task.docToChoice(item)));
  return {
    id: item.id,
    task: task.name,
    logLikelihoods,
    isGreedy: results.map((result) => result.isGreedy),
    tokenCounts: results.map((result) => result.tokenCount),
    prediction: decision.index,
    predictionNorm: decisionNorm.index,
    answer: task.docToTarget(item),
    tied: decision.tied,
    tiedNorm: decisionNorm.tied,
    truncatedTokens: Math.max(...results.map((result) => result.truncatedTokens)),
    seams: results.filter((result) => result.seam).length,
  };
}

function summary(items: readonly ItemResult[], task: TaskDefinition) {
  const n = items.length;
  const count = (holds: (item: ItemResult) => boolean) => items.filter(holds).length;
  return {
    n,
    acc: proportion(
      count((item) => item.prediction === item.answer),
      n,
    ),
    accNorm: task.metrics.includes('accNorm')
      ? proportion(
          count((item) => item.predictionNorm === item.answer),
          n,
        )
      : null,
    ties: count((item) => item.tied),
    tiesNorm: count((item) => item.tiedNorm),
    chance: chanceLevel(items.map((item) => item.logLikelihoods.length)),
    majority: majorityBaseline(items.map((item) => item.answer)),
    truncatedItems: count((item) => item.truncatedTokens > 0),
    truncatedTokens: items.reduce((sum, item) => sum + item.truncatedTokens, 0),
    truncatedTokensMax: items.reduce((most, item) => Math.max(most, item.truncatedTokens), 0),
    seams: items.reduce((sum, item) => sum + item.seams, 0),
  };
}
