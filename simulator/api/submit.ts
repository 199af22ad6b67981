import { toNearestMicro } from '../../domain/budget/money.ts';
import { isJsonObject } from '../../domain/json.ts';
import { findEntry } from '../catalogue/catalogue.ts';
import { checkInput, kindOf, outputCountOf, priceUsdOf } from '../catalogue/model-rules.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { Job, JobDraft } from '../world/job.ts';
import { balanceMicroOf } from '../world/wallets.ts';
import type { World } from '../world/world.ts';
import type { Call } from './call.ts';
import { badToken, emptyWallet, invalidInput, tooMany, unknownModel } from './errors.ts';

/** The outcome that a submit would have; nothing has happened yet. */
export type SubmitPlan = { accepted: true; draft: JobDraft } | { accepted: false; refusal: Reply };

const keptHeaders = ['content-type', 'content-length', 'accept', 'user-agent', 'idempotency-key', 'host', 'connection'];

/** Checks a submit in the order in which the service does: token, rate limit, balance, model, JSON, schema. */
export function planSubmit(world: World, call: Call): SubmitPlan {
  const { switches } = world.settings;
  if (call.owner === undefined) return refuse(badToken(switches));
  const wallet = world.wallets.of(call.owner);
  if (isOverLimit(wallet.recentSubmits, switches.max_submits_per_second, world.now())) return refuse(tooMany(switches));
  if (balanceMicroOf(wallet) <= 0) return refuse(emptyWallet(switches));
  const entry = findEntry(call.model ?? '');
  if (entry === undefined) return refuse(unknownModel(switches, call.model ?? ''));

  const input = parseJson(call.body);
  if (!isJsonObject(input)) {
    return refuse(invalidInput(switches, [{ path: '$', message: 'The body must be a JSON object.' }]));
  }
  const { issues, failure } = checkInput(entry, input, switches);
  if (issues.length > 0) return refuse(invalidInput(switches, issues));

  const draft: JobDraft = {
    owner: call.owner,
    model: entry.model_id,
    kind: kindOf(entry),
    input,
    headers: headersOf(call),
    priceMicro: toNearestMicro(priceUsdOf(entry, input)),
    outputCount: outputCountOf(entry, input),
    ...(failure === undefined ? {} : { failure }),
  };
  return { accepted: true, draft };
}

/** Takes the order: the job exists from here on. */
export function acceptSubmit(world: World, draft: JobDraft): Job {
  world.wallets.of(draft.owner).recentSubmits.push(world.now());
  return world.accept(draft);
}

export function submitReply(world: World, call: Call, job: Job): Reply {
  const { switches } = world.settings;
  const base = `${switches.public_base ?? call.origin}/v1/requests/${job.id}`;
  return jsonReply(switches.submit_http, {
    request_id: job.id,
    ...(switches.submit_includes_status ? { status: 'in_queue' } : {}),
    status_url: `${base}/status`,
    result_url: `${base}/result`,
    cancel_url: `${base}/cancel`,
  });
}

function refuse(refusal: Reply): SubmitPlan {
  return { accepted: false, refusal };
}

function isOverLimit(recent: number[], perSecond: number | null, now: number): boolean {
  while (recent[0] !== undefined && recent[0] <= now - 1000) recent.shift();
  return perSecond !== null && recent.length >= perSecond;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function headersOf(call: Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(call.headers)) {
    if (value !== undefined && (keptHeaders.includes(name) || name.startsWith('x-'))) headers[name] = String(value);
  }
  return { ...headers, authorization: `sha256:${(call.tokenDigest ?? '').slice(0, 12)}` };
}
