import { setTimeout as sleep } from 'node:timers/promises';
import { type GenerationClient, isGenerationError, type KnownState } from '../../../client/index.ts';
import type {
  ItemState,
  PipelineCancelReply,
  PipelineState,
  StepState,
} from '../../../domain/pipeline/pipeline-run.ts';
import type { FaultRule, LedgerJob, Simulator } from '../../../simulator/index.ts';
import type { Fate } from './provider.ts';
import type { PipelineScript } from './script.ts';

/** What a plan came to on a server: promises broken, ends, and how much was ordered. */
export interface ServerAccount {
  broken: string[];
  ends: string[];
  orders: number;
}

type Target = StepState | ItemState;

const pollEveryMs = 100;

const faultOfFate: Partial<Record<Fate, Omit<FaultRule, 'times' | 'skip'>>> = {
  'succeeds without a cost': { fault: 'cost-late', step: 'result' },
  'succeeds without a file': { fault: 'empty-lists', step: 'result' },
  fails: { fault: 'job-fails', step: 'submit' },
  'is accepted unheard': { fault: 'accept-then-reset', step: 'submit' },
  'is lost on the way': { fault: 'accept-then-cut-body', step: 'submit' },
  'waits too long': { fault: 'stuck-in-queue', step: 'submit' },
};

/** The fates of a script as faults of the simulator, each once and at its place in the order of the submits. */
export function faultsOf({ fates }: PipelineScript): FaultRule[] {
  return fates.flatMap((fate, skip): FaultRule[] => {
    const fault = faultOfFate[fate];
    return fault ? [{ ...fault, times: 1, skip: fault.step === 'submit' ? skip : 0 }] : [];
  });
}

/** Bills are orders that the states account for, sources come first, and a cancel that says stopped has stopped. */
export async function serverAccount(parts: {
  /** What the prompts of its orders begin with: an order of the plan before may still come in. */
  name: string;
  script: PipelineScript;
  states: PipelineState[];
  /** Of each run. */
  cancels: PipelineCancelReply[][];
  simulator: Simulator;
  generations: GenerationClient;
}): Promise<ServerAccount> {
  const { name, states, cancels, simulator, generations } = parts;
  const broken: string[] = [];
  const targets = states.flatMap(({ steps }) => steps.flatMap((step): Target[] => step.items ?? [step]));
  const keys = new Set(
    targets.flatMap(({ key, attempts = [] }) => [...(key ? [key] : []), ...attempts.map((attempt) => attempt.key)]),
  );
  const jobs = jobsNamed(simulator, name);
  const ofKey = new Map<string, string[]>();
  let unknown = 0;
  for (const key of keys) {
    const found = await sentOrEnded(generations, key);
    if (found === undefined) continue;
    const ids = [...(found.requestId ? [found.requestId] : []), ...(found.otherRequestIds ?? [])];
    ofKey.set(key, ids);
    if (found.submission === 'unknown') unknown += 1;
    if (ids.length > 1) broken.push(`${key} has ${String(ids.length)} requests`);
  }
  const told = new Set([...ofKey.values()].flat());
  const untold = jobs.filter(({ id }) => !told.has(id));
  if (untold.length > unknown) {
    broken.push(`${String(untold.length)} bills stand in no account, and ${String(unknown)} submissions are unknown`);
  }
  for (const target of targets) {
    const [id] = ofKey.get(target.key ?? '') ?? [];
    const job = jobs.find((each) => each.id === id);
    if (target.phase === 'succeeded' && target.key !== undefined && job?.state !== 'succeeded') {
      broken.push(`${target.key} is said to have succeeded, but its job is ${job?.state ?? 'not there'}`);
    }
  }
  for (const [run, replies] of cancels.entries()) {
    // What was not submitted may be ordered by the run that follows.
    const until = Date.parse(states[run + 1]?.startedAt ?? '') || Infinity;
    for (const { key = '', outcome } of replies.flatMap(({ steps }) => steps)) {
      const job = jobs.find(({ id, acceptedAt }) => ofKey.get(key)?.includes(id) && acceptedAt < until);
      if (outcome === 'cancelled' && job?.state !== 'cancelled') {
        broken.push(`${key} is said to be cancelled, but its job is ${job?.state ?? 'not there'}`);
      }
      if (outcome === 'not_submitted' && job) broken.push(`${key} is said to be not submitted, but there is a job`);
    }
  }
  return { broken: [...broken, ...orderOf(parts, ofKey)], ends: states.map(({ phase }) => phase), orders: jobs.length };
}

/** Where an order stands that is not just being sent: of that nobody can know yet; undefined where it was never started. */
async function sentOrEnded(generations: GenerationClient, key: string): Promise<KnownState | undefined> {
  for (;;) {
    try {
      const state = await (await generations.get(key)).state();
      if (state.phase !== 'submitting') return state;
    } catch (error) {
      if (isGenerationError(error) && error.type === 'KeyNotFound') return undefined;
      throw error;
    }
    await sleep(pollEveryMs);
  }
}

function jobsNamed(simulator: Simulator, name: string): LedgerJob[] {
  return simulator.ledger().jobs.filter(({ input }) => String(input['prompt']).startsWith(name));
}

/** No job was accepted before those of its sources had ended, within one run. */
function orderOf(
  {
    name,
    script,
    states,
    simulator,
  }: { name: string; script: PipelineScript; states: PipelineState[]; simulator: Simulator },
  ofKey: ReadonlyMap<string, string[]>,
): string[] {
  const jobs = jobsNamed(simulator, name);
  const jobsOf = (state: PipelineState, id: string) => {
    const step = state.steps.find((each) => each.id === id);
    const targets: Target[] = step === undefined ? [] : (step.items ?? [step]);
    const own = targets.filter(({ reused }) => !reused).flatMap(({ key }) => ofKey.get(key ?? '') ?? []);
    return jobs.filter((job) => own.includes(job.id));
  };
  return states.flatMap((state) =>
    script.steps.flatMap(({ sources }, position) =>
      sources.flatMap((source) => {
        const id = `s${String(position)}`;
        const first = Math.min(...jobsOf(state, id).map(({ acceptedAt }) => acceptedAt));
        const late = jobsOf(state, `s${String(source)}`).filter((job) => (job.finishedAt ?? Infinity) > first);
        return late.length > 0 && first >= Date.parse(state.startedAt)
          ? [`${id} was ordered before s${String(source)} had ended`]
          : [];
      }),
    ),
  );
}
