import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { createControlApi, noteStray } from './control/control-api.ts';
import { createControls } from './control/controls.ts';
import { createFaultRules } from './faults/pick-fault.ts';
import { answerCall } from './http/answer.ts';
import { type Listener, startListener } from './http/listener.ts';
import { jsonReply, type Reply } from './http/reply.ts';
import { findRoute } from './http/route.ts';
import { sendAnswer } from './http/send-answer.ts';
import { createEventLog } from './record/events.ts';
import { noJournal, openJournal } from './record/journal.ts';
import { loadState, recordsOf, type SavedState } from './record/state-file.ts';
import { createTraffic } from './record/traffic.ts';
import { parseProfiles } from './settings/profiles.ts';
import { findScenario } from './settings/scenarios.ts';
import type { Settings } from './settings/settings.ts';
import { normalSwitches, parseSwitches } from './settings/switches.ts';
import type { Simulator, SimulatorOptions } from './simulator.ts';
import { createWorld } from './world/world.ts';

const anyAddress = ['0.0.0.0', '::'];
const strayPath = 'elsewhere/';

/**
 * Starts a local RunComfy: the Model API, the balance, output files and the control API (`/__sim/`), all on one port.
 * It listens on loopback unless `host` says otherwise.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { stateFile, log, host = '127.0.0.1' } = options;
  const saved: SavedState = stateFile === undefined ? { faults: [], wallets: [], jobs: [] } : loadState(stateFile);
  const settings = openingSettings(options, saved.settings);
  const journal = stateFile === undefined ? noJournal() : openJournal(stateFile);
  const events = createEventLog(
    log === undefined
      ? undefined
      : (event) => {
          log(JSON.stringify(event));
        },
  );
  const world = createWorld({ settings, events, journal, clock: options.clock ?? { now: () => Date.now() } });
  const traffic = createTraffic();
  Object.assign(traffic.counts, saved.counts);
  const faults = createFaultRules(
    () => settings.seed,
    () => {
      journal.append({ faults: faults.list() });
    },
  );
  if (options.faults !== undefined) faults.set(options.faults);
  else if (settings.scenario === saved.settings?.scenario) faults.restore(saved.faults);
  else faults.set(findScenario(settings.scenario ?? 'normal').faults ?? []);
  world.restore(saved.jobs, saved.wallets);

  const controls = createControls({ world, faults, traffic, journal, outage: (ms, mode) => listener.outage(ms, mode) });
  const controlApi = createControlApi(controls);
  const service = { world, faults, traffic, journal };
  let url = '';

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const asked = parseUrl(request, url);
    if (asked === undefined) return send(request, response, jsonReply(400, { error_message: 'Bad request.' }));
    const route = findRoute(method, asked.pathname);
    switch (route.to) {
      case 'api':
        return answerCall(service, route, asked, request, response);
      case 'control': {
        if (route.path.startsWith(strayPath)) return send(request, response, noteStray(world, request, asked.pathname));
        return send(request, response, controlApi(method, route.path, asked.searchParams, await text(request)));
      }
      case 'wrong-method': {
        const reply = jsonReply(405, { error_message: 'Method not allowed.' }, { allow: route.allowed });
        return send(request, response, reply);
      }
      case 'nothing':
        return send(request, response, jsonReply(404, { error_code: 404001, error_message: 'Not found.' }));
    }
  }

  const listener: Listener = await startListener(host, options.port ?? 0, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A caller that disconnects is not worth an event; anything else is a defect and must be visible.
      if (request.socket.destroyed) return;
      events.add(world.now(), 'simulator defect', { message: error instanceof Error ? error.stack : String(error) });
      request.socket.resetAndDestroy();
    });
  });
  url = `http://${hostInUrl(host)}:${String(listener.port)}`;
  journal.rewrite(
    recordsOf({
      settings,
      counts: traffic.counts,
      faults: faults.list(),
      wallets: [...world.wallets.all()],
      jobs: [...world.jobs()],
    }),
  );

  return {
    ...controls,
    port: listener.port,
    url,
    modelApiBase: `${url}/v1`,
    serverlessApiBase: `${url}/prod/v2`,
    async close() {
      await listener.close();
      journal.close();
    },
  };
}

/**
 * The initial settings. Single switches override what was saved or, if another scenario is asked for, that scenario.
 */
function openingSettings(options: SimulatorOptions, saved: Settings | undefined): Settings {
  const scenarioName = options.scenario ?? saved?.scenario;
  const isSaved = saved !== undefined && scenarioName === saved.scenario;
  const scenario = isSaved || scenarioName === undefined ? undefined : findScenario(scenarioName);
  const { speed = saved?.speed ?? 1, seed = saved?.seed ?? randomInt(2 ** 31), profiles } = options;
  if (!(speed > 0)) throw new Error(`The simulator's speed must be above 0, got ${String(speed)}.`);
  return {
    seed,
    speed,
    switches: {
      ...normalSwitches(),
      ...(isSaved ? saved.switches : scenario?.switches),
      ...parseSwitches(options.switches ?? {}),
    },
    profiles: parseProfiles(profiles ?? (isSaved ? saved.profiles : scenario?.profiles) ?? {}),
    hold: saved?.hold ?? null,
    clockOffsetMs: saved?.clockOffsetMs ?? 0,
    ...(scenarioName === undefined ? {} : { scenario: scenarioName }),
  };
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  return sendAnswer(request, response, { how: 'reply', reply });
}

function parseUrl(request: IncomingMessage, usualOrigin: string): URL | undefined {
  const { host } = request.headers;
  try {
    return new URL(request.url ?? '/', host === undefined ? usualOrigin : `http://${host}`);
  } catch {
    return undefined;
  }
}

function hostInUrl(host: string): string {
  if (anyAddress.includes(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
