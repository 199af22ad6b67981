import { toNearestMicro } from '../../domain/budget/money.ts';
import type { FaultRules } from '../faults/pick-fault.ts';
import type { Listener } from '../http/listener.ts';
import type { Journal } from '../record/journal.ts';
import { readLedger } from '../record/ledger.ts';
import { recordsOf, type StateRecord } from '../record/state-file.ts';
import type { Traffic } from '../record/traffic.ts';
import { parseProfiles } from '../settings/profiles.ts';
import { findScenario } from '../settings/scenarios.ts';
import { normalSwitches, parseSwitches } from '../settings/switches.ts';
import type { SimulatorControls } from '../simulator.ts';
import { digestOf } from '../world/file-ids.ts';
import type { World } from '../world/world.ts';

/** The controls of a running simulator. Changes are on the disk before these functions return. */
export function createControls(deps: {
  world: World;
  faults: FaultRules;
  traffic: Traffic;
  journal: Journal;
  outage: Listener['outage'];
}): SimulatorControls {
  const { world, faults, traffic, journal } = deps;
  const { settings } = world;

  function keep(record: StateRecord): void {
    journal.append(record, { sync: true });
  }

  /** Brings all jobs up to date first: what has happened so far happened under the old settings. */
  function change(make: () => void): void {
    world.advanceAll();
    make();
    keep({ settings });
  }

  return {
    ledger: (options) => readLedger(world, traffic, options),
    events: (after = 0) => world.events.list().filter(({ number }) => number > after),
    traffic: () => traffic.seconds(),
    switches: () => ({ ...settings.switches }),
    setSwitches(patch) {
      const parsed = parseSwitches(patch);
      change(() => {
        settings.switches = { ...settings.switches, ...parsed };
      });
    },
    profiles: () => settings.profiles,
    setProfiles(profiles) {
      const parsed = parseProfiles(profiles);
      change(() => {
        settings.profiles = parsed;
      });
    },
    faults: () => faults.list(),
    setFaults(rules) {
      faults.set(rules);
      keep({ faults: faults.list() });
    },
    setScenario(name) {
      const scenario = findScenario(name);
      faults.set(scenario.faults ?? []);
      change(() => {
        settings.switches = { ...normalSwitches(), ...scenario.switches };
        settings.profiles = scenario.profiles ?? {};
        settings.scenario = name;
      });
      keep({ faults: faults.list() });
    },
    setBalance(token, usd) {
      const owner = digestOf(token);
      world.advance(owner);
      world.grant(owner, toNearestMicro(usd));
    },
    hold(hold = { stage: 'queue' }) {
      change(() => {
        settings.hold = hold;
      });
    },
    release(requestIds) {
      if (requestIds === undefined) {
        faults.release();
        keep({ faults: faults.list() });
        change(() => {
          settings.hold = null;
        });
        return world.release();
      }
      return world.release(requestIds.flatMap((id) => world.find(id) ?? []));
    },
    advanceClock(ms) {
      change(() => {
        settings.clockOffsetMs += ms;
      });
    },
    outage: (ms, mode = 'refuse') => deps.outage(ms, mode),
    reset({ seed } = {}) {
      world.clear({ isFromStart: seed !== undefined });
      settings.hold = null;
      settings.clockOffsetMs = 0;
      if (seed !== undefined) settings.seed = seed;
      faults.set([]);
      traffic.clear();
      journal.rewrite(recordsOf({ settings, faults: [], wallets: [], jobs: [] }));
    },
  };
}
