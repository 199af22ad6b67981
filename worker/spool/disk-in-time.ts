/**
 * An attempt that sends no heartbeat is given up after 10 s, a look at the disk alone after 5 s: either would end unanswered.
 * Nor may an accepted request id, which has other ways to survive, wait for the disk.
 */
const answerWithinMs = 3_000;

/** A call to a disk that hangs keeps its thread. Node has four, which the token's file and the look-up of host names need too. */
const callsAtOnce = 2;
let callsUnderWay = 0;
const waiting: (() => void)[] = [];

/** Calls the disk, as soon as fewer than two calls of this process are under way; what is called has one file open at a time. */
export async function onDisk<T>(call: () => Promise<T>): Promise<T> {
  if (callsUnderWay < callsAtOnce) callsUnderWay += 1;
  else
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
  try {
    return await call();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else callsUnderWay -= 1;
  }
}

/** Reads the disk in time, its turn included; what nobody waits for any longer is not begun. */
export async function readInTime<T>(read: () => Promise<T>): Promise<T> {
  let isLate = false;
  const answer = onDisk(() => (isLate ? Promise.reject(new Error('nobody waits for it')) : read()));
  try {
    return await diskInTime(answer);
  } finally {
    isLate = true;
  }
}

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
