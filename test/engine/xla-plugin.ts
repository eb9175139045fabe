import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** XLA's plug-in for the CPU, fetched by test/xla/make-plugin.sh. */
const FETCHED = resolve(__dirname, '../../.cache/xla/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so');

if (process.env.MED42_XLA_PLUGIN === undefined && existsSync(FETCHED)) process.env.MED42_XLA_PLUGIN = FETCHED;
export const xlaPossible = process.env.MED42_XLA_PLUGIN !== undefined;
if (!xlaPossible) console.warn('tests on xla:cpu skipped: no plug-in (test/xla/make-plugin.sh fetches it)');
