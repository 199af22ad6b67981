import type { Streams } from './printing/printer.ts';

/** What becomes of the streams of a command while it works. */
export interface StreamWatch {
  /** Aborted once standard output takes nothing more: who only prints can stop then. */
  outputGone: AbortSignal;
  /** Waits until everything written is out; the reason why standard output is not whole, if it is not. */
  settle: () => Promise<string | undefined>;
}

/** Follows both streams, so that a closed pipe or a full disk ends no work and changes no outcome. */
export function watchStreams({ stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'>): StreamWatch {
  const gone = new AbortController();
  let fault: string | undefined;
  const onFault = (error: unknown) => {
    fault ??= codeOf(error);
    gone.abort();
  };
  stdout.on('error', onFault);
  // Nothing can be said about a fault of the stream on which faults are told.
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
