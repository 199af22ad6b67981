import { asyncLocalStorage } from '@temporalio/activity';
import { afterAll, beforeAll } from 'vitest';
import type { Activities } from '../../domain/activities.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { type GenerationRun, happyActivities, order, type Rig, withGenerations } from './generations.ts';

/** The activities of one of many generations. */
export interface Script extends Partial<Activities> {
  /** Filled with the request ids that were cancelled. */
  cancelled?: string[];
}

export interface ScriptedGenerations {
  rig: () => Rig;
  /** Starts a generation whose activities follow `script`; its RunComfy requests are named `<name>--…`. */
  start: (script: Script, request?: Partial<GenerationRequest>) => Promise<Scripted>;
  /** Registers a script without starting anything; returns the request to start with. */
  script: (script: Script, request?: Partial<GenerationRequest>) => { name: string; request: GenerationRequest };
}

export interface Scripted {
  handle: GenerationRun;
  name: string;
}

const beatEveryMs = 1_000;

/**
 * Waits with heartbeats, as a real POST does. Without them, Temporal would eventually consider the submit's worker
 * lost.
 */
async function beating<T>(done: Promise<T>): Promise<T> {
  const context = asyncLocalStorage.getStore();
  const timer = setInterval(() => context?.heartbeat(), beatEveryMs);
  return await done.finally(() => {
    clearInterval(timer);
  });
}

/** A gate for activities: `pass` waits until `open` is called, and `reached` resolves once something has arrived. */
export function gate() {
  let open = () => {};
  let reach = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return {
    open: () => {
      open();
    },
    reached,
    /** Resolves `reached` without waiting. */
    touch: () => {
      reach();
    },
    pass: () => {
      reach();
      return beating(opened);
    },
  };
}

/** The reply of an accepted submit. */
export function accepted(requestId: string) {
  return { requestId, submittedAt: new Date().toISOString(), nextReadInMs: 20, searchAttributes: [] as string[] };
}

/**
 * One rig for all tests of a file, so that their generations run side by side, each with its own script. At the end,
 * every execution is checked for failed workflow tasks and replayed.
 */
export function scriptedGenerations(): ScriptedGenerations {
  const scripts = new Map<string, Script>();
  let opened: Rig | undefined;
  let release = () => {};
  let over = Promise.resolve();

  beforeAll(async () => {
    await new Promise<void>((resolve, reject) => {
      over = withGenerations(dispatch(scripts), (rig) => {
        opened = rig;
        resolve();
        return new Promise((free) => (release = free));
      });
      over.catch(reject);
    });
    // Warms up the worker, whose first task takes longest, so that no test's deadline includes it.
    await (await start({})).handle.result();
  });
  afterAll(async () => {
    release();
    await over;
  });

  const rig = () => {
    if (!opened) throw new Error('the rig is not open yet');
    return opened;
  };
  const script = (script: Script, request: Partial<GenerationRequest> = {}) => {
    const name = `order-${String(scripts.size + 1)}`;
    scripts.set(name, {
      ...script,
      submitRequest: script.submitRequest ?? (() => Promise.resolve(accepted(`${name}--1`))),
    });
    return { name, request: { ...order, input: { ...order.input, name }, ...request } };
  };
  const start = async (wanted: Script, more?: Partial<GenerationRequest>) => {
    const { name, request } = script(wanted, more);
    return { name, handle: await rig().start(request) };
  };
  return { rig, script, start };
}

/** Activities that dispatch each call to the script of its generation. */
function dispatch(scripts: Map<string, Script>): Activities {
  const usual = new Map<string, Activities>();
  const of = (name: string): Activities => {
    const base = usual.get(name) ?? happyActivities();
    usual.set(name, base);
    return { ...base, ...scripts.get(name) };
  };
  const byInput = ({ input }: { input: Record<string, unknown> }) => of(String(input['name']));
  const byRequest = ({ requestId }: { requestId: string }) => of(requestId.split('--')[0] ?? '');
  return {
    submitRequest: (question) => byInput(question).submitRequest(question),
    recallSubmit: () => Promise.resolve({ isReset: false }),
    readStatus: (question) => byRequest(question).readStatus(question),
    fetchResult: (question) => byRequest(question).fetchResult(question),
    cancelRequest(question) {
      scripts.get(question.requestId.split('--')[0] ?? '')?.cancelled?.push(question.requestId);
      return byRequest(question).cancelRequest(question);
    },
    checkAdoption: (question) => byInput(question).checkAdoption(question),
    gatherEvidence: (question) => byInput(question).gatherEvidence(question),
    listSearchAttributes: ({ names }) => Promise.resolve({ existing: names }),
  };
}
