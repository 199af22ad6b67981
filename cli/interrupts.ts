import { sameWithinMs } from '../setup/stop-signals.ts';

/** What a person or a supervisor asks of a waiting command. */
export interface InterruptHandlers {
  /** First Ctrl-C. */
  onFirst: () => void;
  /** Second Ctrl-C, or the process is told to end. */
  onDetach: () => void;
}

/** Interrupts that are caught from now on, and answered once somebody can. */
export interface Interrupts {
  /** Answers what has come so far, and everything that comes. */
  answer: (handlers: InterruptHandlers) => void;
  stop: () => void;
}

type Interrupt = keyof InterruptHandlers;

/**
 * Catches Ctrl-C and the signals that end a process, so that none is lost while a generation is being started. A Ctrl-C that
 * comes within 500 ms of the one before is the same one, also where it comes after `stop`: it then ends nothing.
 */
export function catchInterrupts(): Interrupts {
  const waiting: Interrupt[] = [];
  let handlers: InterruptHandlers | undefined;
  let count = 0;
  let heardAt = -Infinity;
  const tell = (interrupt: Interrupt) => {
    if (handlers) handlers[interrupt]();
    else waiting.push(interrupt);
  };
  const onInterrupt = () => {
    const now = performance.now();
    if (now - heardAt < sameWithinMs) return;
    heardAt = now;
    tell(count++ === 0 ? 'onFirst' : 'onDetach');
  };
  const onEnd = () => {
    tell('onDetach');
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onEnd);
  process.on('SIGHUP', onEnd);
  return {
    answer: (given) => {
      handlers = given;
      for (const interrupt of waiting.splice(0)) given[interrupt]();
    },
    stop: () => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onEnd);
      process.off('SIGHUP', onEnd);
      passOverUntil(heardAt + sameWithinMs);
      heardAt = -Infinity;
    },
  };
}

/** Left to its default, the same Ctrl-C once more would end the process in the middle of what the first one asked for. */
function passOverUntil(until: number): void {
  const leftMs = until - performance.now();
  if (leftMs <= 0) return;
  const passOver = () => undefined;
  process.on('SIGINT', passOver);
  setTimeout(() => process.off('SIGINT', passOver), leftMs).unref();
}

/** The signal of a command that only shows: aborted with this error at Ctrl-C, when it is told to end, and once its output is gone. */
export function leaveWith(error: Error, outputGone: AbortSignal): { signal: AbortSignal; stop: () => void } {
  const stop = new AbortController();
  const leave = () => {
    stop.abort(error);
  };
  const interrupts = catchInterrupts();
  interrupts.answer({ onFirst: leave, onDetach: leave });
  outputGone.addEventListener('abort', leave);
  return { signal: stop.signal, stop: interrupts.stop };
}
