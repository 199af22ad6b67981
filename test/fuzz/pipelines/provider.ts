import type { CancelOutcome, GenerationRequest, GenerationResult, Submission } from '../../../domain/generation.ts';
import type { StepFailure } from '../../../domain/pipeline/pipeline-run.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What becomes of an order; `fates` has the words. */
export type Fate = (typeof fates)[number];

export const fates = [
  'succeeds',
  'succeeds without a file',
  'succeeds without a cost',
  'fails',
  'is refused',
  'is not sent',
  'meets an empty wallet',
  'is accepted unheard',
  'is lost on the way',
  'waits too long',
  'runs past its deadline',
  'is terminated',
] as const;

/** One order as the provider's books have it. */
export interface Job {
  key: string;
  prompt: string;
  sentAt: number;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  chargedUsd: number;
  endedAt?: number;
}

type End = { result: GenerationResult } | { failure: StepFailure };

/** One run of the generation of a key. */
export interface Run {
  key: string;
  runId: string;
  startedAt: number;
  /** The pipeline that started it. */
  parent: string;
  request: GenerationRequest;
  fate: Fate;
  job?: Job;
  end?: End;
  endedAt?: number;
  /** Somebody asked to cancel it before anything was sent. */
  isUnwanted?: boolean;
}

/** Generations as Temporal knows them, and the jobs that RunComfy was sent. */
export interface Provider {
  jobs: Job[];
  runs: Run[];
  newest: (key: string) => Run | undefined;
  start: (order: Pick<Run, 'key' | 'parent' | 'request'> & { isEndOf: (end: End, run: Run) => void }) => Run;
  follow: (key: string) => Promise<End>;
  cancel: (key: string) => Promise<CancelOutcome>;
  /** Temporal's own cancellation, as a parent's close brings it. */
  requestCancel: (key: string) => void;
}

/** How long jobs wait and run, from and to. */
export interface Pace {
  queueMs?: readonly [number, number];
  runMs?: readonly [number, number];
}

/** How the orders end of which RunComfy takes none. */
const refusals: Partial<Record<Fate, [StepFailure['type'], Submission]>> = {
  'is refused': ['InvalidInput', 'refused'],
  'is not sent': ['ServiceUnavailable', 'not_sent'],
  'meets an empty wallet': ['InsufficientBalance', 'refused'],
  'is lost on the way': ['SubmitOutcomeUnknown', 'unknown'],
};

export const priceUsd = 0.03;
const fileHost = 'https://files.example.com';

export function createProvider(
  time: VirtualTime,
  fateOf: (order: number) => Fate,
  { queueMs = [1_000, 9_000], runMs = [6_000, 26_000] }: Pace = {},
): Provider {
  const jobs: Job[] = [];
  const runs: Run[] = [];
  const followers = new Map<string, ((end: End) => void)[]>();
  const newest = (key: string) => runs.findLast((run) => run.key === key);
  const between = ([from, to]: readonly [number, number]) => from + time.random() * (to - from);
  const soon = (longestMs: number) => time.random() * longestMs;

  const failure = (run: Run, type: StepFailure['type'], submission: Submission, more: Partial<StepFailure> = {}) => ({
    failure: { type, message: `${run.fate} (${run.key})`, submission, key: run.key, ...more },
  });

  function end(run: Run, how: End): void {
    if (run.end) return;
    run.end = how;
    run.endedAt = time.now;
    const told = followers.get(run.runId) ?? [];
    followers.delete(run.runId);
    for (const tell of told) tell(how);
  }

  function finish(job: Job, state: Job['state'], chargedUsd: number): void {
    if (job.endedAt !== undefined) return;
    Object.assign(job, { state, chargedUsd, endedAt: time.now });
  }

  function send(run: Run): void {
    if (run.end) return;
    if (run.isUnwanted) {
      end(run, failure(run, 'GenerationCancelled', 'not_sent', { cancel: 'not_submitted' }));
      return;
    }
    const refused = refusals[run.fate];
    if (refused) {
      end(run, failure(run, ...refused));
      return;
    }
    const { key, request } = run;
    const job: Job = { key, prompt: String(request.input['prompt']), sentAt: time.now, state: 'queued', chargedUsd: 0 };
    run.job = job;
    jobs.push(job);
    work(run, job);
  }

  function work(run: Run, job: Job): void {
    const requestId = `request-${String(jobs.length)}`;
    const submittedAt = time.now;
    if (run.fate === 'is accepted unheard') end(run, failure(run, 'SubmitOutcomeUnknown', 'unknown'));
    if (run.fate === 'waits too long') {
      time.after(20_000, () => {
        if (job.state !== 'queued') return;
        finish(job, 'cancelled', 0);
        end(run, failure(run, 'GenerationTimedOut', 'accepted', { cancel: 'cancelled', requestId }));
      });
      return;
    }
    time.after(between(queueMs), () => {
      if (job.state !== 'queued') return;
      job.state = 'running';
      if (run.fate === 'runs past its deadline') {
        time.after(soon(5_000), () => {
          end(run, failure(run, 'GenerationTimedOut', 'accepted', { cancel: 'not_cancellable', requestId }));
        });
      }
      if (run.fate === 'is terminated') {
        time.after(soon(5_000), () => {
          end(run, failure(run, 'GenerationCancelled', 'unknown'));
        });
      }
      time.after(between(runMs), () => {
        const isFailed = run.fate === 'fails';
        finish(job, isFailed ? 'failed' : 'succeeded', isFailed ? 0 : priceUsd);
        time.after(soon(500), () => {
          if (isFailed) end(run, failure(run, 'GenerationFailed', 'accepted', { requestId }));
          else end(run, { result: resultOf(run, requestId, submittedAt) });
        });
      });
    });
  }

  function resultOf({ fate, request }: Run, requestId: string, submittedAt: number): GenerationResult {
    const images = fate === 'succeeds without a file' ? [] : [`${fileHost}/${requestId}.png`];
    return {
      requestId,
      model: request.model,
      output: { images, videos: [], audios: [] },
      ...(fate !== 'succeeds without a cost' && { costUsd: priceUsd }),
      timings: { totalMs: time.now - submittedAt },
      reads: 2,
    };
  }

  function ask(key: string): CancelOutcome {
    const run = newest(key);
    // Asked by an attempt whose answer was lost, it may have ended by that.
    if (run?.end) return ('failure' in run.end ? run.end.failure.cancel : undefined) ?? 'too_late';
    if (run === undefined) return 'too_late';
    const { job } = run;
    if (job === undefined) {
      run.isUnwanted = true;
      return 'not_submitted';
    }
    if (job.state === 'queued') {
      finish(job, 'cancelled', 0);
      end(run, failure(run, 'GenerationCancelled', 'accepted', { cancel: 'cancelled' }));
      return 'cancelled';
    }
    return job.endedAt === undefined ? 'not_cancellable' : 'too_late';
  }

  return {
    jobs,
    runs,
    newest,
    start({ isEndOf, ...order }) {
      const run: Run = {
        ...order,
        runId: `run-${String(runs.length + 1)}`,
        startedAt: time.now,
        fate: fateOf(runs.length),
      };
      runs.push(run);
      followers.set(run.runId, [(how) => isEndOf(how, run)]);
      time.after(200 + soon(2_000), () => {
        send(run);
      });
      return run;
    },
    follow(key) {
      const run = newest(key);
      if (run === undefined) return Promise.reject(new Error(`nothing is known of ${key}`));
      if (run.end) return Promise.resolve(run.end);
      return new Promise((resolve) => {
        followers.set(run.runId, [...(followers.get(run.runId) ?? []), resolve]);
      });
    },
    cancel: (key) =>
      new Promise((resolve) => {
        time.after(soon(1_500), () => {
          const isUnheard = time.random() < 0.1;
          const outcome = isUnheard ? 'unknown' : ask(key);
          time.after(soon(500), () => {
            resolve(outcome);
          });
        });
      }),
    requestCancel(key) {
      time.after(soon(500), () => {
        ask(key);
      });
    },
  };
}
