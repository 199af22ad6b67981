import type { SubmitHeartbeat } from '../domain/activities.ts';
import type { BalanceReading, InputIssue } from '../domain/generation.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';
import type { BudgetDesk } from './budget/budget-desk.ts';
import type { OpenAttempts } from './reading/open-attempts.ts';
import type { ReadCounter } from './reading/read-counter.ts';
import type { ReadPacer } from './reading/read-pacer.ts';
import type { SubmitPacer } from './submitting/submit-pacer.ts';
import type { WaitingKnowledge } from './waiting/knowledge.ts';

export interface KeptRequestId {
  taskToken: Uint8Array;
  workflowId: string;
  firstExecutionRunId: string;
  requestId: string;
  /** The heartbeat details that carry the id. */
  heartbeatDetails: SubmitHeartbeat;
}

/** What the runs before a reset did with the order, in the part of their histories that this run does not share. */
export type SubmitBeforeReset =
  | { kind: 'nothing' }
  /** `acceptedAt`: ISO 8601. */
  | { kind: 'accepted'; requestId: string; acceptedAt: string }
  /** The order may have been accepted. `sentAt`: ISO 8601, if known. */
  | { kind: 'unknown'; sentAt?: string };

/** What the activities need from the process they run in. */
export interface ActivityDeps {
  runcomfy: RunComfyClient;
  validator: {
    validate: (model: string, input: Record<string, unknown>) => Promise<{ issues: InputIssue[]; warnings: string[] }>;
  };
  readCounter: ReadCounter;
  readPacer: ReadPacer;
  submitPacer: SubmitPacer;
  budgets: BudgetDesk;
  openAttempts: OpenAttempts;
  waiting: WaitingKnowledge;
  /** Our search attributes that the server knows. */
  searchAttributes: () => string[];
  /** Which of these search attributes the server knows right now. Ours count only if they have our type. */
  existingSearchAttributes: (names: string[]) => Promise<string[]>;
  /** A balance read at most 60 s ago, if there is one; never waits. */
  recentBalance: () => BalanceReading | undefined;
  expectedPriceUsd: (model: string, input: Record<string, unknown>) => Promise<number | undefined>;
  /** Stores an accepted request id so that it outlives this process and the current activity; never throws. */
  keepRequestId: (kept: KeptRequestId) => Promise<void>;
  /** The submit that RunComfy accepted from this chain of runs, as the worker's disk remembers it; never throws. */
  acceptedBefore: (chain: {
    workflowId: string;
    firstExecutionRunId: string;
  }) => Promise<{ requestId: string; acceptedAt: string } | undefined>;
  /**
   * What the runs before a reset of this one submitted; `nothing` if there was no reset. Rejects if Temporal cannot tell.
   */
  submitBeforeReset: (run: {
    workflowId: string;
    runId: string;
    firstExecutionRunId: string;
  }) => Promise<SubmitBeforeReset>;
  /** Throws when a run of the key that is newer than `retryOfRunId`, other than `runId`, may have been billed. */
  checkNewerRuns: (key: string, runId: string, retryOfRunId: string) => Promise<void>;
  /** Throws when a run of the key that belongs to another chain than `runId` may have been billed. */
  checkOtherChains: (key: string, runId: string, firstExecutionRunId: string) => Promise<void>;
}
