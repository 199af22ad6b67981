/** Makes a promise count the `then` calls on it and on the promises derived from it. `await` is not counted. */
export function countReactions<T>(promise: Promise<T>): { promise: Promise<T>; reactions: () => number } {
  let count = 0;
  const counting = (one: Promise<unknown>): Promise<unknown> => {
    const then = one.then.bind(one);
    return Object.assign(one, {
      then: (...heard: Parameters<typeof then>) => {
        count += 1;
        return counting(then(...heard));
      },
    });
  };
  return { promise: counting(promise) as Promise<T>, reactions: () => count };
}
