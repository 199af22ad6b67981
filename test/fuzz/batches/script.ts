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
  /** Items that are added later, one message after the other, each sent twice; `isPage`: as a page that is there already, if they fit. */
  adds: { afterMs: number; count: number; isPage?: boolean }[];
  window: number;
  maxCostUsd: number | undefined;
  pauseAfterFailures: number;
  fates: ItemFate[];
  /** Default 5,000. */
  longestWorkMs?: number;
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

const wish = fc.constantFrom(
  ...(['pause', 'pause', 'pause', 'resume', 'resume', 'set', 'set', 'set', 'cancel', 'detach', 'junk'] as const),
);

const troubles = {
  pauseAfterFailures: fc.constantFrom(0, 1, 3, 25),
  fates: fc.array(fate, { minLength: 1, maxLength: 12 }),
  wishes: fc.array(
    fc.record({
      afterMs: moment,
      wish,
      way: fc.constantFrom('signal', 'update'),
      window: fc.constantFrom(1, 3, 10),
    }),
    { maxLength: 4 },
  ),
  isCancelledAfterMs: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, moment),
  deaths: fc.array(fc.record({ attempt: fc.nat({ max: 12 }), afterMs: fc.nat({ max: 8_000 }) }), { maxLength: 3 }),
  tasksPerRun: fc.constantFrom(3, 6, 1_000, 1_000),
};

function addsOf(count: fc.Arbitrary<number>, maxLength: number) {
  return fc.array(fc.record({ afterMs: moment, count, isPage: fc.boolean() }), { maxLength });
}

function wallsUntil(lastOrder: number) {
  const type = fc.constantFrom('InsufficientBalance', 'Unauthenticated', 'BudgetExceeded');
  return fc.array(fc.record({ order: fc.nat({ max: lastOrder }), type }), { maxLength: 2 });
}

const withinPages = fc.record({
  items: fc.integer({ min: 1, max: 30 }),
  adds: addsOf(fc.integer({ min: 1, max: 20 }), 3),
  window: fc.constantFrom(1, 2, 5, 20),
  maxCostUsd: fc.constantFrom(undefined, undefined, undefined, 0.05, 0.2),
  walls: wallsUntil(30),
  ...troubles,
});

/** Sizes about the borders of pages of items and of lines, and windows that fill several pages of lines at once. */
const beyondPages = fc.record({
  items: fc.constantFrom(99, 100, 101, 200, 249, 250, 251, 300),
  adds: addsOf(fc.constantFrom(1, 50, 150, 249, 250, 251), 2),
  window: fc.constantFrom(20, 200, 500),
  longestWorkMs: fc.constantFrom(300, 5_000),
  maxCostUsd: fc.constantFrom(undefined, undefined, undefined, 1),
  walls: wallsUntil(300),
  ...troubles,
});

/** Random batches with deaths of workers, pauses, walls, adds and cancels; one in twelve is longer than a page. */
export const batchScripts: fc.Arbitrary<BatchScript> = fc.oneof(
  { weight: 11, arbitrary: withinPages },
  { weight: 1, arbitrary: beyondPages },
);
