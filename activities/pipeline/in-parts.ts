const atOnce = 20;

/** Calls `ask` for each, at most 20 at a time; returns the answers in order. */
export async function inParts<One, Answer>(all: readonly One[], ask: (one: One) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < all.length; at += atOnce) {
    answers.push(...(await Promise.all(all.slice(at, at + atOnce).map((one) => ask(one)))));
  }
  return answers;
}
