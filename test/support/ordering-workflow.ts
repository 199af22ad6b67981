import { ApplicationFailure, defineQuery, setHandler } from '@temporalio/workflow';
import { generate, type GenerationPlace } from '../../workflows/library.ts';

/** What to order, one after the other or all at once. */
export interface Ordering {
  orders: { model: string; input: Record<string, unknown>; place: GenerationPlace }[];
  areTogether?: boolean;
}

/** The result of an order. */
export interface Came {
  key?: string;
  reused?: boolean;
  requestId?: string;
  failure?: { type: string; message: string; submission?: unknown };
}

/** A user's workflow that orders generations and continues whatever becomes of each. */
export async function ordering({ orders, areTogether = false }: Ordering): Promise<Came[]> {
  setHandler(defineQuery('state'), () => ({}));
  const came: Promise<Came>[] = [];
  for (const { place, ...order } of orders) {
    const told = generate(order, place).then(({ key, reused, requestId }) => ({ key, reused, requestId }), toCame);
    came.push(told);
    if (!areTogether) await told;
  }
  return await Promise.all(came);
}

function toCame(error: unknown): Came {
  if (!(error instanceof ApplicationFailure)) throw error;
  const [details = {}] = (error.details ?? []) as { key?: string; submission?: unknown }[];
  const { key, submission } = details;
  return { ...(key !== undefined && { key }), failure: { type: error.type ?? '', message: error.message, submission } };
}
