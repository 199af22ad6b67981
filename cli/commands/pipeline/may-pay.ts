import type { PipelineRequest } from '../../../client/index.ts';
import { type Estimate, sumUp } from '../../../domain/estimate.ts';
import type { CheckedPlan } from '../../../plans/check-plan.ts';
import { estimateOrders } from '../../../plans/estimate.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { confirm, isPersonAt } from '../../confirm.ts';
import { type MeantRun, previewRun } from './dry-run.ts';

/** A run that is about to be paid, and what is already decided about paying. */
export interface PayableRun extends MeantRun {
  /** The caller named the key, so it may have been run before; then only what is missing is paid. */
  mayBePaid: boolean;
  /** The price was accepted beforehand, so nobody is asked. */
  isAccepted: boolean;
  /** The whole run would exceed its limit, so only what is missing is checked against it. */
  isDear: boolean;
}

/** The answer. `follow`: there is nothing to pay, and nothing may be ordered without asking again. */
type Answer = 'order' | 'follow' | 'decline';

/**
 * Shows a person the price of a run and asks for confirmation; programs get neither. Throws if what is missing would
 * exceed the limit.
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
