import type { PipelineRequest } from '../../../client/index.ts';
import { type Estimate, sumUp } from '../../../domain/estimate.ts';
import type { CheckedPlan } from '../../../plans/check-plan.ts';
import { estimateOrders } from '../../../plans/estimate.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { confirm, isPersonAt } from '../../confirm.ts';
import { type MeantRun, previewRun } from './dry-run.ts';

/** The run that is about to be paid, and how much of it is settled already. */
export interface PayableRun extends MeantRun {
  /** A key of the caller's may have been run before: then only what is missing is paid. */
  mayBePaid: boolean;
  /** Nobody is asked: the price was accepted beforehand. */
  isAccepted: boolean;
  /** The whole of it would cost more than it may: only what is missing is weighed. */
  isDear: boolean;
}

/** What became of the question: `follow` where there is nothing to pay, and nothing may become so unasked. */
type Answer = 'order' | 'follow' | 'decline';

/**
 * Tells a person what a run is going to cost, and asks whether that is wanted; programs are neither told nor asked. Throws
 * where what is missing costs more than it may.
 */
export async function mayPay(
  context: CommandContext,
  connected: ConnectedGenerations,
  { request, checked }: { request: PipelineRequest; checked: CheckedPlan },
  { mayBePaid, isAccepted, isDear, ...run }: PayableRun,
): Promise<Answer> {
  const { printer, streams } = context;
  const isAsked = !isAccepted && isPersonAt(streams);
  const isTold = isAsked || printer.format === 'pretty';
  if (!isTold && !isDear) return 'order';
  if (!mayBePaid) {
    printer.note(`expected price: ${priceWords(sumUp(estimateOrders(checked.orders)))}`);
  } else {
    const preview = await previewRun(context, connected, request, run);
    if (preview.attached) return 'follow';
    const { ordered, reused } = preview;
    if (!isTold) return 'order';
    const of = `${String(ordered)} ${ordered === 1 ? 'order' : 'orders'}${reused === 0 ? '' : `, ${String(reused)} reused`}`;
    printer.note(`expected price: ${priceWords(preview)} for ${of}`);
  }
  return !isAsked || (await confirm(streams, 'run it?')) ? 'order' : 'decline';
}

function priceWords({ totalUsd, atLeastUsd }: Pick<Estimate, 'totalUsd' | 'atLeastUsd'>): string {
  return totalUsd === null ? `at least $${String(atLeastUsd)}, not all is known` : `$${String(totalUsd)}`;
}
