import { z } from 'zod';
import { webhookEvents } from '../../domain/webhook/webhook-target.ts';
import { generation, time } from './generation.ts';

const { exactOptional } = z;

export const webhookEvent = z.enum(webhookEvents).meta({ id: 'WebhookEvent' });

export const delivery = z
  .object({
    event: webhookEvent,
    url: z.string().meta({ description: 'Without its query' }),
    state: z.enum(['delivering', 'waiting', 'delivered', 'exhausted', 'gone', 'refused']),
    attempts: z.array(
      z
        .object({
          at: time,
          durationMs: z.int(),
          httpStatus: exactOptional(z.int()),
          error: exactOptional(z.string()),
        })
        .meta({ id: 'WebhookAttempt' }),
    ),
    nextAttemptAt: exactOptional(time),
    deliveredAt: exactOptional(time),
    refusedBecause: exactOptional(z.string().meta({ description: 'Why nothing was sent any more' })),
    webhookId: z.string(),
  })
  .meta({ id: 'Delivery', description: 'How far an event is on its way to a webhook.' });

export const deliveryList = z.object({ deliveries: z.array(delivery) }).meta({ id: 'DeliveryList' });

/** A generation with its optional parts. */
export const generationInFull = generation.extend({ webhooks: exactOptional(z.array(delivery)) }).meta({
  id: 'GenerationInFull',
  description: 'A generation; `include` adds its order, and what webhooks were told.',
});
