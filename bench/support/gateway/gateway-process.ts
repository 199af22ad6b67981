import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../bin/runcomfy-temporal', import.meta.url));

/** A gateway in a process of its own. */
export interface GatewayProcess {
  url: string;
  pid: number;
  /** Ends it as a crash would. */
  kill9: () => Promise<void>;
  /** Asks it to stop in good order and gives its exit code. */
  stop: () => Promise<number | null>;
}

/** Starts a gateway and waits until it listens; rejects where it ends before. */
export async function startGatewayProcess(port: number, env: NodeJS.ProcessEnv): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [program, 'gateway', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], ...env },
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const endedEarly = ended.then(([code]) => {
    throw new Error(`The gateway ended early (exit ${String(code)}).`);
  });
  endedEarly.catch(() => undefined);
  const [line] = (await Promise.race([once(child.stdout, 'data'), endedEarly])) as [Buffer];
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await ended)[0];
  };
  return {
    url: (JSON.parse(line.toString()) as { url: string }).url,
    pid: child.pid ?? 0,
    kill9: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
