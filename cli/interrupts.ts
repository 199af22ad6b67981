/** What a person or a supervisor asks of a waiting command. */
export interface InterruptHandlers {
  /** First Ctrl-C. */
  onFirst: () => void;
  /** Second Ctrl-C, or the process is told to end. */
  onDetach: () => void;
}

/** Listens for Ctrl-C and for the signals that end a process; the returned function stops listening. */
export function listenForInterrupts({ onFirst, onDetach }: InterruptHandlers): () => void {
  let isFirst = true;
  const onInterrupt = () => {
    if (isFirst) onFirst();
    else onDetach();
    isFirst = false;
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onDetach);
  process.on('SIGHUP', onDetach);
  return () => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onDetach);
    process.off('SIGHUP', onDetach);
  };
}
