import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { messageOf } from '../../domain/text.ts';
import { faultNames } from '../faults/fault-names.ts';
import type { FaultRule } from '../faults/rule.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { Profiles } from '../settings/profiles.ts';
import { scenarios } from '../settings/scenarios.ts';
import type { Switches } from '../settings/switches.ts';
import type { SimulatorControls } from '../simulator.ts';
import type { World } from '../world/world.ts';

const holdBody = z.strictObject({
  stage: z.enum(['queue', 'run']).default('queue'),
  untilAccepted: z.number().int().positive().optional(),
});
const releaseBody = z.strictObject({ requestIds: z.array(z.string()).optional() });
const clockBody = z.strictObject({ advanceMs: z.number().nonnegative() });
const outageBody = z.strictObject({ ms: z.number().positive(), mode: z.enum(['refuse', 'reset']).default('refuse') });
const resetBody = z.strictObject({ seed: z.number().int().optional() });
const scenarioBody = z.strictObject({ name: z.string() });
const balanceBody = z.strictObject({ token: z.string(), usd: z.number() });

type Handler = (body: unknown, query: URLSearchParams) => unknown;

/** Answers calls of `/__sim/`. Handlers are listed by `METHOD name`. */
export function createControlApi(
  controls: SimulatorControls,
): (method: string, path: string, query: URLSearchParams, body: string) => Reply {
  const handlers: Record<string, Handler> = {
    'GET healthz': () => ({ status: 'ok' }),
    'GET ledger': (_, query) => controls.ledger({ withJobs: query.get('jobs') !== '0' }),
    'GET events': (_, query) => ({ events: controls.events(Number(query.get('after') ?? 0)) }),
    'GET traffic': () => ({ seconds: controls.traffic() }),
    'GET switches': () => controls.switches(),
    'PUT switches': (body) => {
      controls.setSwitches(body as Partial<Switches>);
      return controls.switches();
    },
    'GET profiles': () => controls.profiles(),
    'PUT profiles': (body) => {
      controls.setProfiles(body as Profiles);
      return controls.profiles();
    },
    'GET faults': () => controls.faults(),
    'PUT faults': (body) => {
      controls.setFaults(body as FaultRule[]);
      return controls.faults();
    },
    'GET fault-names': () => faultNames,
    'GET scenarios': () => scenarios.map(({ name, sentence }) => ({ name, sentence })),
    'PUT scenario': (body) => {
      controls.setScenario(scenarioBody.parse(body).name);
      return controls.switches();
    },
    'PUT balance': (body) => {
      const { token, usd } = balanceBody.parse(body);
      controls.setBalance(token, usd);
      return { usd };
    },
    'POST hold': (body) => {
      const { stage, untilAccepted } = holdBody.parse(body);
      controls.hold({ stage, ...(untilAccepted === undefined ? {} : { untilAccepted }) });
      return { stage };
    },
    'POST release': (body) => ({ released: controls.release(releaseBody.parse(body).requestIds) }),
    'POST clock': (body) => {
      controls.advanceClock(clockBody.parse(body).advanceMs);
      return {};
    },
    'POST outage': (body) => {
      const { ms, mode } = outageBody.parse(body);
      setImmediate(() => void controls.outage(ms, mode));
      return { ms, mode };
    },
    'POST reset': (body) => {
      const { seed } = resetBody.parse(body);
      controls.reset(seed === undefined ? {} : { seed });
      return {};
    },
  };

  return (method, path, query, text) => {
    const handler = handlers[`${method} ${path}`];
    if (handler === undefined) {
      return jsonReply(404, {
        error: `There is no control "${method} ${path}"; there are ${Object.keys(handlers).join(', ')}.`,
      });
    }
    try {
      return jsonReply(200, handler(text === '' ? {} : JSON.parse(text), query));
    } catch (error) {
      return jsonReply(400, { error: error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error) });
    }
  };
}

/** Answers where redirects of the redirect faults lead. Records who followed, and whether the token was sent along. */
export function noteStray(world: World, request: IncomingMessage, path: string): Reply {
  const hasToken = request.headers.authorization !== undefined;
  world.events.add(world.now(), 'redirect followed', { method: request.method, path, hasToken });
  return jsonReply(200, {});
}
