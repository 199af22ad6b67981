import { defineQuery, defineSignal } from '@temporalio/workflow';
import { webhookMessageNames } from '../../domain/names.ts';
import type { Delivery } from '../../domain/webhook/webhook.ts';

/** How far the delivery is; answered for closed runs too. */
export const deliveryQuery = defineQuery<Delivery>(webhookMessageNames.delivery);

/** Asks for the next attempt now. */
export const retryNowSignal = defineSignal(webhookMessageNames.retryNow);
