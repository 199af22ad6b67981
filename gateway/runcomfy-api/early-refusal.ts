import { type GenerationError, type GenerationHandle, isGenerationError } from '../../client/index.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { errorReply } from './error-reply.ts';
import { plain, sentenceOf } from './state-words.ts';

/** An error reply: its status, and its body in RunComfy's format. */
export interface EarlyRefusal {
  status: number;
  body: object;
}

const invalidStatus = 422;

/** RunComfy's usual error code for a status, used if the reply has none. */
const usualCode = (status: number): number => status * 1_000 + 1;

/** Refusals that are not answered with RunComfy's own status. */
export const earlyRefusals = {
  /** RunComfy refused the workers' token, which is not the caller's fault. */
  ourFault: { status: 502, code: 502001 },
  walletEmpty: { status: 402, code: 402001 },
} as const;

/**
 * Waits until the signal for RunComfy to refuse an order that was just started. Undefined if it does not, however else
 * the generation ends.
 */
export async function earlyRefusal(handle: GenerationHandle, signal: AbortSignal): Promise<EarlyRefusal | undefined> {
  try {
    await handle.result({ signal, patienceMs: 0 });
    return undefined;
  } catch (error) {
    return isGenerationError(error) ? refusalOf(error) : undefined;
  }
}

function refusalOf({ type, submission, message, details, issues = [] }: GenerationError): EarlyRefusal | undefined {
  if (submission === 'not_sent' && type === 'InvalidInput') {
    return {
      status: invalidStatus,
      body: errorReply(new RefusalError('InvalidInput', sentenceOf(message), { issues })),
    };
  }
  if (submission !== 'refused') return undefined;
  const { httpStatus, vendorCode, vendorMessage } = details ?? {};
  const refusedBy = httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500 ? httpStatus : invalidStatus;
  const own = { status: refusedBy, code: typeof vendorCode === 'number' ? vendorCode : usualCode(refusedBy) };
  const { ourFault, walletEmpty } = earlyRefusals;
  const { status, code } = type === 'Unauthenticated' ? ourFault : type === 'InsufficientBalance' ? walletEmpty : own;
  return { status, body: { error_code: code, error_message: vendorMessage ?? plain(sentenceOf(message)) } };
}
