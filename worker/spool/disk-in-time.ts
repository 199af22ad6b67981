/**
 * An attempt that sends no heartbeat is given up after 10 s, a look at the disk alone after 5 s: either would end unanswered.
 * Nor may an accepted request id, which has other ways to survive, wait for the disk.
 */
const answerWithinMs = 3_000;

/** A disk that hangs is one that cannot be read or written: rejects where it has not answered within 3 s. */
export async function diskInTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the disk did not answer within ${String(answerWithinMs / 1_000)} s`));
    }, answerWithinMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
