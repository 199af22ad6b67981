import type { BalanceReading } from './generation.ts';
import type { KnownAttributes } from './names.ts';

/** Argument of `checkAdoption`: the request id that a person gives for the order. */
export interface AdoptionQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted so far, so that the reads of a lost attempt can be added. */
  readsSoFar?: number;
  input: Record<string, unknown>;
}

/** Answer of `checkAdoption`: the request exists and fits the order. */
export interface AdoptionAnswer extends KnownAttributes {
  reads: number;
  nextReadInMs: number;
}

/** Argument of `gatherEvidence`: a submission of unknown outcome. */
export interface EvidenceQuestion {
  model: string;
  input: Record<string, unknown>;
  sentAt?: string;
  balanceBefore?: BalanceReading;
}
