import { sameWithinMs } from '../setup/stop-signals.ts';

/** What to do when a person or a supervisor interrupts a waiting command. */
export interface InterruptHandlers {
  /** On the first Ctrl-C. */
  onFirst: () => void;
  /** On the second Ctrl-C, or a signal that ends the process. */
  onDetach: () => void;
}

/** Interrupts that are caught from now on and handled once handlers are set. */
export interface Interrupts {
  /** Sets the handlers for interrupts caught so far and for all later ones. */
  answer: (handlers: InterruptHandlers) => void;
  stop: () => void;
}

type Interrupt = keyof InterruptHandlers;

/**
 * Catches Ctrl-C and the signals that end a process, so that none is lost while a generation is being started. A Ctrl-C
 * within 500 ms of the previous one counts as the same, even after `stop`, where it does not end the process.
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

/**
 * Ignores a repeated Ctrl-C for the rest of the 500 ms. By default it would end the process in the middle of what the
 * first one asked for.
 */
function passOverUntil(until: number): void {
  const leftMs = until - performance.now();
  if (leftMs <= 0) return;
  const passOver = () => undefined;
  process.on('SIGINT', passOver);
  setTimeout(() => process.off('SIGINT', passOver), leftMs).unref();
}

/**
 * A signal for commands that only display something: aborted with this error on Ctrl-C, on a signal that ends the
 * process, and once standard output is gone.
 */
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
