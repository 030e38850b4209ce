import { readFileSync } from 'node:fs';

/** @returns whether the process runs; one that has ended and that its parent has not yet taken note of does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return true; // macOS has no /proc, and takes note at once.
  }
}
