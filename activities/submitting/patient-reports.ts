import { setTimeout as sleep } from 'node:timers/promises';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import type { DataConverter, PayloadCodec } from '@temporalio/common';
import type { Activities } from '../../domain/activities.ts';
import { messageOf } from '../../domain/text.ts';

const againEveryMs = 500;

/** Attempts that only have their report left to make. */
const reporting = new WeakSet<Context>();

/** Wraps a submit so that `withPatientReports` sees its report through. */
export function reportPatiently(submit: Activities['submitRequest']): Activities['submitRequest'] {
  return async (order) => {
    try {
      return await submit(order);
    } finally {
      const context = asyncLocalStorage.getStore();
      if (context) reporting.add(context);
    }
  };
}

/**
 * Wraps the data converter for the worker of submits: a report that its codecs cannot encode is tried again until they
 * can, or until Temporal has given the attempt up. In that case its last heartbeat tells what became of the order. If
 * the attempt failed instead, it would be repeated after a pause, and a cancel in that pause discards its heartbeats:
 * an accepted order would then pass for one that was never sent.
 */
export function withPatientReports(dataConverter: DataConverter): DataConverter {
  const { payloadCodecs } = dataConverter;
  return payloadCodecs === undefined
    ? dataConverter
    : { ...dataConverter, payloadCodecs: payloadCodecs.map(toPatientCodec) };
}

function toPatientCodec(codec: PayloadCodec): PayloadCodec {
  return {
    decode: (payloads, context) => codec.decode(payloads, context),
    async encode(payloads, context) {
      const activity = asyncLocalStorage.getStore();
      for (;;) {
        try {
          return await codec.encode(payloads, context);
        } catch (error) {
          if (!activity || !reporting.has(activity) || isGivenUp(activity)) throw error;
          activity.log.error('what became of the order cannot be encoded yet', { reason: messageOf(error) });
          await sleep(againEveryMs);
        }
      }
    },
  };
}

/** A cancel alone does not give the attempt up: what became of the order is still awaited. */
function isGivenUp({ cancellationDetails }: Context): boolean {
  return cancellationDetails?.timedOut === true || cancellationDetails?.notFound === true;
}
