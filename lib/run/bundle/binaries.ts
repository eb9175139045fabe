import { open } from 'node:fs/promises';

/** Files that hold machine code, by their names. */
const NATIVE = /\.(node|dll|dylib|exe|lib|pdb)$|\.so(\.\d+)*$/;

export interface Machine {
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  /** Which C library Node was built with; null on other systems than Linux. */
  readonly libc: 'glibc' | 'musl' | null;
}

export function thisMachine(): Machine {
  const { header } = process.report.getReport() as unknown as { readonly header: { glibcVersionRuntime?: string } };
  const libc = process.platform !== 'linux' ? null : header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return { platform: process.platform, arch: process.arch, libc };
}

const [ELF, MACHO, PE] = ['linux', 'darwin', 'win32'];
/** Processors by the numbers that ELF (e_machine), Mach-O (cputype) and PE (Machine) have for them. */
const PROCESSORS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  linux: { x64: 62, arm64: 183, arm: 40, ia32: 3 },
  darwin: { x64: 0x01000007, arm64: 0x0100000c },
  win32: { x64: 0x8664, arm64: 0xaa64, ia32: 0x14c },
};

/**
 * Whether a file is of no use on a machine: machine code of another system, processor or C library. What is no machine
 * code by its name is never foreign.
 *
 * Source: System V ABI (ELF header), Mach-O's loader.h, Microsoft's PE format
 */
export async function isForeign(file: string, { platform, arch, libc }: Machine): Promise<boolean> {
  if (!NATIVE.test(file)) return false;
  if (/\bandroid\b/.test(file)) return true;
  if (libc !== null && file.includes(libc === 'glibc' ? 'musl' : '-gnu')) return true;
  const built = await builtFor(file);
  if (built === undefined) return platform !== PE && /\.(lib|pdb)$/.test(file);
  const wanted = PROCESSORS[built.system]?.[arch];
  return built.system !== platform || (built.processor !== undefined && built.processor !== wanted);
}

/** System and processor of machine code; no processor where a file holds it for several; undefined for what is none. */
async function builtFor(file: string): Promise<{ system: string; processor?: number } | undefined> {
  const head = Buffer.alloc(1024);
  const opened = await open(file);
  try {
    await opened.read(head, 0, head.length, 0);
  } finally {
    await opened.close();
  }
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) return { system: ELF!, processor: head.readUInt16LE(18) };
  if (magic === 0xcffaedfe) return { system: MACHO!, processor: head.readUInt32LE(4) };
  if (magic === 0xcafebabe) return { system: MACHO! };
  const at = head.readUInt32LE(0x3c);
  if (magic >>> 16 !== 0x4d5a || at + 6 > head.length) return undefined;
  return { system: PE!, processor: head.readUInt16LE(at + 4) };
}
