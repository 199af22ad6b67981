import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from '../http/reply.ts';
import { digestOf } from '../world/file-ids.ts';
import type { Job } from '../world/job.ts';
import type { World } from '../world/world.ts';
import { badToken, foreignRequest, unknownRequest } from './errors.ts';

/** The kinds of call that faults tell apart. */
export const steps = ['submit', 'status', 'result', 'cancel', 'catalogue', 'balance', 'file'] as const;

export type Step = (typeof steps)[number];

/** One request to the simulated service. */
export interface Call {
  readonly step: Step;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** The `Authorization` header as it came. */
  readonly authorization: string | undefined;
  /** Digest of the token, whether valid or not. */
  readonly tokenDigest: string | undefined;
  /** Digest of the token, if the token is valid. */
  readonly owner: string | undefined;
  /** `http://host:port` by which the caller reached the simulator. */
  readonly origin: string;
  /** What the path names: a model, or a request and its job. */
  readonly model: string | undefined;
  readonly requestId: string | undefined;
  readonly job: Job | undefined;
  readonly fileId?: string | undefined;
  readonly body: Buffer;
}

const validToken = /^sim-\S+$/;

/** Digests of the bearer token. `owner` is set only for a valid token, which starts with `sim-`. */
export function readToken(authorization: string | undefined): { tokenDigest?: string; owner?: string } {
  const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return {};
  const digest = digestOf(token);
  return validToken.test(token) ? { tokenDigest: digest, owner: digest } : { tokenDigest: digest };
}

/** The caller's own job that the path names, or the error reply if there is none. */
export function ownJob(world: World, call: Call): { job: Job } | { refusal: Reply } {
  const { switches } = world.settings;
  if (call.owner === undefined) return { refusal: badToken(switches) };
  if (call.job === undefined) return { refusal: unknownRequest(switches) };
  if (call.job.owner !== call.owner) return { refusal: foreignRequest(switches) };
  return { job: call.job };
}
