import { delivery, deliveryList, webhookEvent } from '../../contract/webhook.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { tellPatiently } from '../../generations/patiently.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { aboutKey, ofGenerations, workflowIdIn } from '../generations/find-generation.ts';
import { addOperation } from '../operation.ts';
import { listDeliveries } from './list-deliveries.ts';

/** Adds the operations on webhook deliveries. */
export function addWebhooks(routes: RouteAdder, parts: GatewayParts): void {
  addOperation(routes, {
    id: 'listWebhooks',
    method: 'GET',
    url: '/generations/:key/webhooks',
    scope: 'read',
    summary: 'What webhooks were told of a generation, and how far that is.',
    params: aboutKey,
    answers: { 200: { description: 'Every delivery that is kept.', schema: deliveryList } },
    problems: ['KeyNotFound'],
    handle: async ({ params, request }) => {
      return { deliveries: await listDeliveries(parts, workflowIdIn(request.principal, params.key)) };
    },
  });
  addOperation(routes, {
    id: 'replayWebhook',
    method: 'POST',
    url: '/generations/:key/webhooks/:event/replay',
    scope: 'generate',
    summary: 'Deliver an event again, under the same `webhook-id`; one on its way is tried now.',
    params: aboutKey.extend({ event: webhookEvent }),
    answers: { 202: { description: 'It is on its way.', schema: delivery } },
    problems: ['KeyNotFound'],
    handle: async ({ params, request, reply }) => {
      const key = workflowIdIn(request.principal, params.key);
      reply.code(202);
      const replay = () => parts.generations.webhooks.replay(key, params.event);
      return await ofGenerations(() => tellPatiently(parts.client, replay));
    },
  });
}
