import fc from 'fast-check';

/** What becomes of an item's order. */
type ItemFate = 'succeeds' | 'fails' | 'is unknown' | 'hangs';

/** What every order meets from the one of this number on, until the batch is resumed. */
export interface WallScript {
  order: number;
  type: 'InsufficientBalance' | 'Unauthenticated' | 'BudgetExceeded';
}

/** What somebody tells the batch. */
export interface WishScript {
  afterMs: number;
  wish: 'pause' | 'resume' | 'set' | 'cancel' | 'detach' | 'junk';
  way: 'signal' | 'update';
  window: number;
}

/** A batch, what is added to it, and what happens to it. */
export interface BatchScript {
  items: number;
  /** Items that are added later, one message after the other; each is sent twice. */
  adds: { afterMs: number; count: number }[];
  window: number;
  maxCostUsd: number | undefined;
  pauseAfterFailures: number;
  fates: ItemFate[];
  walls: WallScript[];
  wishes: WishScript[];
  /** The workflow itself is cancelled. */
  isCancelledAfterMs: number | undefined;
  /** Attempts of activities whose worker dies, after so many milliseconds. */
  deaths: { attempt: number; afterMs: number }[];
  /** Workflow tasks after which a run continues as new. */
  tasksPerRun: number;
}

const moment = fc.nat({ max: 60_000 });
const fate = fc.oneof(
  { weight: 12, arbitrary: fc.constant<ItemFate>('succeeds') },
  fc.constantFrom<ItemFate>('fails', 'is unknown', 'hangs'),
);

/** Random batches with deaths of workers, pauses, walls, adds and cancels. */
export const batchScripts: fc.Arbitrary<BatchScript> = fc.record({
  items: fc.integer({ min: 1, max: 30 }),
  adds: fc.array(fc.record({ afterMs: moment, count: fc.integer({ min: 1, max: 20 }) }), { maxLength: 3 }),
  window: fc.constantFrom(1, 2, 5, 20),
  maxCostUsd: fc.constantFrom(undefined, undefined, undefined, 0.05, 0.2),
  pauseAfterFailures: fc.constantFrom(0, 1, 3, 25),
  fates: fc.array(fate, { minLength: 1, maxLength: 12 }),
  walls: fc.array(
    fc.record({
      order: fc.nat({ max: 30 }),
      type: fc.constantFrom('InsufficientBalance', 'Unauthenticated', 'BudgetExceeded'),
    }),
    { maxLength: 2 },
  ),
  wishes: fc.array(
    fc.record({
      afterMs: moment,
      wish: fc.constantFrom(
        'pause',
        'pause',
        'pause',
        'resume',
        'resume',
        'set',
        'set',
        'set',
        'cancel',
        'detach',
        'junk',
      ),
      way: fc.constantFrom('signal', 'update'),
      window: fc.constantFrom(1, 3, 10),
    }),
    { maxLength: 4 },
  ),
  isCancelledAfterMs: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, moment),
  deaths: fc.array(fc.record({ attempt: fc.nat({ max: 12 }), afterMs: fc.nat({ max: 8_000 }) }), { maxLength: 3 }),
  tasksPerRun: fc.constantFrom(3, 6, 1_000, 1_000),
});
