import { readFileSync } from 'node:fs';

/** @returns whether the process runs. A zombie, which its parent has not reaped yet, does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return true; // macOS has no /proc, and reaps at once.
  }
}
