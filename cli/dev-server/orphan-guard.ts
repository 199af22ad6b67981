import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills `child` when this process ends, however it ends. A tiny shell holds the reading end of a pipe, which closes
 * with this process, even on `kill -9`; the shell then kills the child.
 */
export function guardAgainstOrphan(child: ChildProcess): { release: () => void } {
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);
  if (process.platform === 'win32' || child.pid === undefined) return { release: () => process.off('exit', killChild) };

  const guard = spawn('sh', ['-c', 'read -r word; [ "$word" = released ] || kill -9 "$1"', 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  child.once('exit', () => guard.stdin.end('released\n'));
  return {
    release: () => {
      process.off('exit', killChild);
      guard.stdin.end('released\n');
    },
  };
}
