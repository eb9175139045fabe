import { readFileSync } from 'node:fs';

/**
 * The most memory this process had resident, in bytes. Linux counts a child's peak from before it became a program of
 * its own, so there the kernel's mark of the present program is read.
 */
export function peakMemoryBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
