/** Something that happened: a request that was answered, or a change of a job or of the simulator. */
export interface SimulatorEvent {
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  readonly what: string;
  readonly [fact: string]: unknown;
}

export interface EventLog {
  add: (atMs: number, what: string, facts?: Record<string, unknown>) => void;
  /** The latest events, oldest first. */
  list: () => SimulatorEvent[];
  clear: () => void;
}

const maxEvents = 10_000;

/** Keeps the latest 10,000 events. `onEvent` is called for every event. */
export function createEventLog(onEvent?: (event: SimulatorEvent) => void): EventLog {
  let events: SimulatorEvent[] = [];
  let number = 0;

  return {
    add(atMs, what, facts = {}) {
      number += 1;
      const event = { number, at: new Date(atMs).toISOString(), what, ...facts };
      events.push(event);
      if (events.length >= 2 * maxEvents) events = events.slice(-maxEvents);
      onEvent?.(event);
    },
    list: () => events.slice(-maxEvents),
    clear() {
      events = [];
    },
  };
}
