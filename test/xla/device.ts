import { cpuPlugin } from './plugins';

/** Tests that open the device `xla:cpu` run where its plug-in is. */
export const xlaPossible = cpuPlugin !== undefined;
if (cpuPlugin) process.env.MED42_XLA_PLUGIN ??= cpuPlugin.file;
