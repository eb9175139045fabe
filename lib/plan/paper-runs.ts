import { LLAMA_2, type Llama2Size } from '../model/llama-2';
import { PAPER_RUN, type Plan, type PlanRequest, planTraining } from './plan';
import { parseTarget } from './target';

/** The paper's trainings, each with cards that hold it. */
const RUNS = {
  'paper-7b-lora': { size: '7B', method: 'lora', target: 'h100' },
  'paper-7b-full': { size: '7B', method: 'full', target: 'h100x8' },
  'paper-70b-lora': { size: '70B', method: 'lora', target: 'h100x8' },
  'paper-70b-full': { size: '70B', method: 'full', target: 'h100x64' },
} as const satisfies Readonly<Record<string, { size: Llama2Size; method: 'lora' | 'full'; target: string }>>;

export type PaperRunName = keyof typeof RUNS;
export const PAPER_RUN_NAMES = Object.keys(RUNS) as readonly PaperRunName[];

/** One of the paper's trainings: 706,713 samples in chunks of 4,096, LoRA for 8 epochs or full-parameter for 3. */
export function paperRun(name: PaperRunName): PlanRequest {
  const { size, method, target } = RUNS[name];
  const { lora, epochs } = PAPER_RUN[method];
  return {
    title: `Llama-2 ${size}`,
    model: LLAMA_2[size],
    ...(lora ? { lora } : {}),
    chunkLength: 4096,
    batchADevice: 1,
    accumulation: 1,
    precision: 'bf16',
    recompute: true,
    attention: 'blocks',
    target: parseTarget(target),
    epochs,
    tokensAnEpoch: PAPER_RUN.tokensAnEpoch,
  };
}

/** All four, planned. */
export const planPaperRuns = (): Plan[] => PAPER_RUN_NAMES.map((name) => planTraining(paperRun(name)));
