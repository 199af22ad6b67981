import type { Streams } from './printing/printer.ts';

/** Watches the streams of a running command. */
export interface StreamWatch {
  /** Aborted once standard output accepts nothing more, so that commands that only print can stop. */
  outputGone: AbortSignal;
  /** Waits until everything is flushed; returns why standard output is incomplete, if it is. */
  settle: () => Promise<string | undefined>;
}

/** Watches both streams, so that a closed pipe or a full disk neither ends the work nor changes its outcome. */
export function watchStreams({ stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'>): StreamWatch {
  const gone = new AbortController();
  let fault: string | undefined;
  const onFault = (error: unknown) => {
    fault ??= codeOf(error);
    gone.abort();
  };
  stdout.on('error', onFault);
  // An error of standard error cannot be reported anywhere.
  stderr.on('error', () => undefined);
  return {
    outputGone: gone.signal,
    async settle() {
      await new Promise<void>((resolve) => {
        stdout.write('', (error) => {
          if (error) onFault(error);
          resolve();
        });
      });
      return fault;
    },
  };
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
