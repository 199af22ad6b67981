const atOnce = 20;

/** Asks for each, so many at once. */
export async function inParts<T>(indices: readonly number[], ask: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < indices.length; at += atOnce) {
    answers.push(...(await Promise.all(indices.slice(at, at + atOnce).map(ask))));
  }
  return answers;
}
