import { z } from 'zod';
import { budgetPeriods } from '../../domain/budget/budget.ts';
import { maxUsd } from '../../domain/request-checks.ts';
import { time } from './generation.ts';
import { usd } from './money.ts';
import { isUndecodable } from './undecodable.ts';

const { exactOptional } = z;

const period = z.enum(budgetPeriods).meta({ id: 'BudgetPeriod', description: 'How long the money has to last (UTC).' });

const limitUsd = z
  .number()
  .min(0)
  .max(maxUsd)
  .meta({ description: 'USD with at most 6 decimals; 0 lets nothing pass' });

/** The state of a budget. */
export const budget = z
  .object({
    name: z.string(),
    limitUsd: usd,
    period,
    periodStart: time,
    spentUsd: usd,
    reservedUsd: usd,
    availableUsd: usd.meta({ description: 'What may still be reserved; 0 while `overUsd` is above 0' }),
    overUsd: usd.meta({ description: 'By how much orders cost more than was reserved for them' }),
    presumedUsd: usd.meta({
      description: 'Part of `spentUsd` that nobody has stated: orders that may have been billed',
    }),
    open: z.int().meta({ description: 'Reservations that are not settled' }),
    oldestOpenAt: exactOptional(time),
    refused: z.int().meta({ description: 'Reservations refused since it was created' }),
    warning: exactOptional(z.string().meta({ description: 'Why nothing is granted, whatever the limit' })),
    isFromServer: exactOptional(z.literal(true).meta({ description: 'No worker answered: as it was shown last.' })),
    isClosed: exactOptional(z.literal(true).meta({ description: 'It was closed: what it came to.' })),
    runId: exactOptional(z.string().meta({ description: 'Of one that was closed: its run.' })),
  })
  .meta({ id: 'Budget', description: 'A limit of money that orders share.' });

const undecodableBudget = z
  .object({ name: z.string(), isUndecodable })
  .meta({ id: 'UndecodableBudget', description: 'An open budget of which only the name can be read.' });

export const budgetList = z
  .object({ budgets: z.array(z.union([budget, undecodableBudget])), nextPageToken: exactOptional(z.string()) })
  .meta({ id: 'BudgetList', description: 'A page; it may have fewer than were asked for.' });

const reservation = z
  .object({ key: z.string(), priceUsd: usd, reservedAt: time, ageMs: z.int() })
  .meta({ id: 'Reservation', description: 'Money set aside for an order that is not settled.' });

export const reservationList = z
  .object({ reservations: z.array(reservation), nextPageToken: exactOptional(z.string()) })
  .meta({ id: 'ReservationList', description: 'A page, by key.' });

/** The body that creates a budget. */
export const newBudget = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
      .meta({ description: 'What orders name in `budgets`' }),
    limitUsd,
    period: exactOptional(period),
  })
  .meta({ id: 'CreateBudget', examples: [{ name: 'spring', limitUsd: 250, period: 'month' }] });

/** The body that sets another limit. */
export const budgetChange = z.strictObject({ limitUsd }).meta({ id: 'SetBudget', examples: [{ limitUsd: 400 }] });

/** The body that releases a reservation. */
export const budgetRelease = z
  .strictObject({ key: z.string().min(1).max(1_000), reason: z.string().min(1).max(1_000) })
  .meta({
    id: 'ReleaseReservation',
    examples: [{ key: 'order-4711', reason: 'the Generations page shows no such order' }],
  });
