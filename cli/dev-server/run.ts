import { spawn } from 'node:child_process';

export interface RunOptions {
  timeoutMs: number;
  cwd?: string;
  /** Checked regularly; ends the run early with the reason it returns. */
  shouldStop?: () => Promise<string | undefined>;
  /** Ends the run early. */
  signal?: AbortSignal | undefined;
}

export interface RunResult {
  /** Missing if the program could not be started or was killed. */
  code?: number;
  output: string;
  /** Why it was killed early. */
  stopped?: string;
}

/**
 * Runs a program to its end and returns the output of both streams as one text. A missing program is not an exception.
 */
export function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    let output = '';
    let stopped: string | undefined;
    const stop = (reason: string) => {
      stopped ??= reason;
      child.kill('SIGKILL');
    };
    const interrupt = () => {
      stop('it was interrupted');
    };
    if (options.signal?.aborted) interrupt();
    options.signal?.addEventListener('abort', interrupt);
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-64_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      stop(`took longer than ${String(Math.round(options.timeoutMs / 1000))} s`);
    }, options.timeoutMs);
    const watch = setInterval(() => {
      void options.shouldStop?.().then((reason) => {
        if (reason !== undefined) stop(reason);
      });
    }, 500);
    const finish = (result: RunResult) => {
      clearTimeout(timer);
      clearInterval(watch);
      options.signal?.removeEventListener('abort', interrupt);
      resolve(result);
    };
    child.once('error', (error) => {
      finish({ output: error.message });
    });
    child.once('close', (code) => {
      finish({ output, ...(code !== null && { code }), ...(stopped !== undefined && { stopped }) });
    });
  });
}
