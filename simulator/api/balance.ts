import { toUsd } from '../../domain/budget/money.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import { balanceMicroOf } from '../world/wallets.ts';
import type { World } from '../world/world.ts';
import type { Call } from './call.ts';
import { badToken } from './errors.ts';

/** Answers `GET /prod/v2/balance`. */
export function readBalance(world: World, call: Call): Reply {
  if (call.owner === undefined) return badToken(world.settings.switches);
  world.advance(call.owner);
  const micro = balanceMicroOf(world.wallets.of(call.owner));
  return jsonReply(200, { balance_usd: toUsd(micro), balance_microdollars: micro, currency: 'USD' });
}
