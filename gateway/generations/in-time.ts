import { setTimeout as sleep } from 'node:timers/promises';

/** What is answered within so many milliseconds, else what there is instead. */
export async function inTime<T>(answer: Promise<T>, withinMs: number, instead: () => T): Promise<T> {
  const answered = new AbortController();
  const { signal } = answered;
  const late = sleep(withinMs, undefined, { signal }).then(instead);
  // Nobody asks for it any more once there is an answer.
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}
