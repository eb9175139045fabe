import type { World } from './settings';

/**
 * Options of `med42 handoff` that are not settings of a training.
 *
 * @throws naming the option that is wrong and what it takes
 */
export function worldOptions(given: Readonly<Record<string, string | undefined>>): Partial<World> {
  const whole = (name: string, flag: string): number | undefined => {
    const text = given[name];
    if (text === undefined) return undefined;
    const number = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(number) && number >= 1) return number;
    throw new Error(`handoff: ${flag} must be a whole number of 1 or more, got "${text}"; --help lists the options`);
  };
  const { precision } = given;
  if (precision !== undefined && precision !== 'float32' && precision !== 'bf16') {
    throw new Error(`handoff: --precision must be one of float32, bf16, got "${precision}"; --help lists the options`);
  }
  const asked = {
    nodes: whole('nodes', '--nodes'),
    processesPerNode: whole('processes', '--processes'),
    deviceBatch: whole('deviceBatch', '--device-batch'),
    precision,
  };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}
