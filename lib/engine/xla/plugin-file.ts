/**
 * The shared library of a plug-in.
 *
 * @throws when none is named
 */
export function pluginFile(device: string): string {
  const file = process.env.MED42_XLA_PLUGIN;
  if (file) return file;
  throw new Error(
    `device: ${device} needs a plug-in of XLA; set MED42_XLA_PLUGIN to the shared library of one ` +
      '(of a jax-cuda12-pjrt wheel, say), or use --device cpu',
  );
}
