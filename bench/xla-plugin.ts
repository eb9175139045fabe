/** The file of XLA's CPU plug-in: benches run from a folder where none is found by itself. */
export function cpuPlugin(): string {
  const file = process.env.MED42_XLA_PLUGIN;
  if (file) return file;
  throw new Error('bench: name the file of XLA’s CPU plug-in with MED42_XLA_PLUGIN=FILE');
}
