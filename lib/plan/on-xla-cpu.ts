import { loadPlugin } from '../engine/xla/pjrt/plugin';
import { type FindSettings, findPlugin } from '../engine/xla/plugins/find';
import { stackedSpec, xlaModule } from '../engine/xla/program';
import { countParameters } from '../train/memory';
import type { ProcessMemory } from '../train/peak-memory';
import { trainingStep } from './compiled';
import { type Plan, type PlanRequest, planWith } from './plan';

/** Node, the plug-in and what its compiler leaves: the most that five trainings held beside what XLA counted was 0.57 GB. */
const PROCESS_BYTES = 540e6;

/**
 * A training on this machine's CPU by XLA's plug-in: the memory that its compiler says the update takes, and the process's
 * own. Nothing is loaded or run.
 *
 * @param where the plug-in is looked for
 * @throws when there is no plug-in for the CPU
 */
export async function planOnXlaCpu(request: PlanRequest, where: FindSettings = {}): Promise<Plan<ProcessMemory>> {
  const { model, lora, precision, recompute } = request;
  const found = findPlugin('xla:cpu', where);
  const { step, spec } = trainingStep(request);
  const options = { loops: recompute, precision, attention: 'blocks', devices: 1 } as const;
  const { text } = xlaModule(step, recompute ? stackedSpec(spec) : spec, options);
  const client = await loadPlugin(found.file, found).createClient({ cpu_device_count: 1 });
  try {
    const executable = await client.compile(text, { partitions: 1 });
    const { argument, temporary } = executable.memory;
    executable.free();
    const frozen = lora ? 2 * countParameters(model, lora).base : 0;
    const parts = { process: PROCESS_BYTES, frozen, state: argument - frozen, working: temporary };
    const memory = { ...parts, total: parts.process + argument + temporary };
    return planWith(request, memory, () => []);
  } finally {
    client.close();
  }
}
