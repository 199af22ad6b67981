/**
 * Timeout of a disk operation. Temporal gives up an attempt after 10 s without a heartbeat, and a recall, which only
 * looks at the disk, after 5 s; neither would get an answer. An accepted request id has other ways to survive and must
 * not wait for the disk either.
 */
const answerWithinMs = 3_000;

/**
 * Concurrent disk operations. An operation that hangs keeps its thread. Node has four threads, which reading the
 * token's file and looking up host names need too.
 */
const callsAtOnce = 2;
let callsUnderWay = 0;
const waiting: (() => void)[] = [];

/**
 * Runs a disk operation once fewer than two others of this process are in flight. An operation must open only one file
 * at a time.
 */
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

/** Reads the disk within 3 s, including the wait for a turn. A read that nobody waits for any more is not started. */
export async function readInTime<T>(read: () => Promise<T>): Promise<T> {
  let isLate = false;
  const answer = onDisk(() => (isLate ? Promise.reject(new Error('nobody waits for it')) : read()));
  try {
    return await diskInTime(answer);
  } finally {
    isLate = true;
  }
}

/** Rejects if the disk has not answered within 3 s: a disk that hangs counts as one that cannot be read or written. */
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
