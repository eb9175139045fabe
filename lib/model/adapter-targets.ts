import { runInNewContext } from 'node:vm';

/** Which layers an adapter_config.json means, as PEFT reads it. */

export interface TargetFields {
  readonly targetModules: string | readonly string[];
  readonly excludeModules: string | readonly string[];
  readonly modulesToSave: readonly string[];
  /** Indices of blocks; empty: every one. */
  readonly layersToTransform: readonly number[];
  readonly layersPattern: readonly string[];
}

/**
 * Whether the layer `name` ("model.layers.0.self_attn.q_proj") is adapted. Names are whole names or endings of them; one
 * text is a regular expression over the whole name.
 *
 * Source: PEFT 0.21.2 tuners/tuners_utils.py, check_target_module_exists
 */
export function isTarget(name: string, fields: TargetFields): boolean {
  const { targetModules, excludeModules, modulesToSave } = fields;
  if (isNamed(name, excludeModules)) return false;
  if (modulesToSave.some((one) => pythonRegExp(`^(?:(^|.*\\.)${one}($|\\..*))`).test(name))) return false;
  if (!isNamed(name, targetModules)) return false;
  // A layer that is named whole is adapted whatever the blocks say.
  if (typeof targetModules === 'string' || targetModules.includes(name)) return true;
  if (fields.layersToTransform.length === 0) return true;
  const index = blockIndex(name, fields.layersPattern);
  return index !== undefined && fields.layersToTransform.includes(index);
}

function isNamed(name: string, modules: string | readonly string[]): boolean {
  if (typeof modules === 'string') return modules !== '' && pythonRegExp(`^(?:${modules})$`).test(name);
  return modules.some((one) => name === one || name.endsWith(`.${one}`));
}

function blockIndex(name: string, patterns: readonly string[]): number | undefined {
  const forms =
    patterns.length === 0 ? ['^.*?\\.[^.]*\\.(\\d+)\\.'] : patterns.map((p) => `^(?:.*?\\.)??(?:${p})\\.(\\d+)\\.`);
  for (const form of forms) {
    const found = pythonRegExp(form).exec(name)?.at(-1);
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

/**
 * The value that a `rank_pattern` or `alpha_pattern` gives a layer: that of the first key which is a regular expression for
 * the name or its end.
 *
 * Source: PEFT 0.21.2 utils/other.py, get_pattern_key
 */
export function patternValue(patterns: Readonly<Record<string, number>>, name: string): number | undefined {
  const key = Object.keys(patterns).find((one) => pythonRegExp(`^(?:.*\\.)?(?:${one})$`).test(name));
  return key === undefined ? undefined : patterns[key];
}

/** Seconds for all layers of a model: patterns that people write take none. */
const PATIENCE = 3;
/** Characters: the names of all layers of a large model have no more. */
const MAX_PATTERN = 30_000;

/**
 * Does what matches patterns from a file, which may take years on a name.
 *
 * @param tooLong called, to throw, when it takes longer than any that people write
 */
export function inTime<T>(work: () => T, tooLong: (wanted: string) => never): T {
  try {
    return runInNewContext('work()', { work }, { timeout: 1000 * PATIENCE }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return tooLong(`patterns that match the model's layers within ${PATIENCE} seconds`);
  }
}

/**
 * A regular expression of Python, in JavaScript's strict form: what that does not know throws a SyntaxError, rather than
 * match something else. A text that is too long for one does so too.
 */
export function pythonRegExp(source: string): RegExp {
  if (source.length > MAX_PATTERN)
    throw new SyntaxError(`it has ${source.length} characters, more than ${MAX_PATTERN}`);
  const named = source.replace(/\(\?P</g, '(?<').replace(/\(\?P=(\w+)\)/g, '\\k<$1>');
  // Python lets every sign be escaped; JavaScript's strict form only those with a meaning.
  const escaped = named.replace(/\\([^A-Za-z0-9^$\\.*+?()[\]{}|/])/g, (_, sign: string) => {
    return `\\u{${sign.codePointAt(0)!.toString(16)}}`;
  });
  return new RegExp(escaped, 'u');
}
