import { activityFailure, type GenerationRun, reading } from './generations.ts';
import { accepted, type Script } from './scripted-generations.ts';

export const balanceBefore = { microdollars: 5_000_000, readAt: '2026-11-01T00:00:00.000Z' };
export const sentAt = '2026-11-01T00:00:05.000Z';
const lost = () => activityFailure('SubmitOutcomeUnknown', { submission: 'unknown', sentAt, balanceBefore });

/** A submit that ends in these ways in turn; further ones end like the last. */
export function submits(...outcomes: ((name: string) => Promise<ReturnType<typeof accepted>>)[]): {
  submitRequest: NonNullable<Script['submitRequest']>;
  posts: () => number;
} {
  let posts = 0;
  return {
    posts: () => posts,
    submitRequest: ({ input }) => {
      posts += 1;
      const outcome = outcomes[Math.min(posts, outcomes.length) - 1];
      return outcome ? outcome(String(input['name'])) : Promise.reject(lost());
    },
  };
}
export const unknown = () => Promise.reject(lost());
export const takes = (name: string) => Promise.resolve(accepted(`${name}--1`));

export const resolve = (handle: GenerationRun, resolution: object) =>
  handle.executeUpdate('resolveSubmission', { args: [resolution] });
export const handOver = (handle: GenerationRun, requestId: string, firstExecutionRunId = handle.firstExecutionRunId) =>
  handle.signal('requestAccepted', { firstExecutionRunId, requestId });
export const unfinished = () => Promise.resolve(reading('in_queue', { nextReadInMs: 600_000 }));
