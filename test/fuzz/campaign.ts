import fc from 'fast-check';
import { messageOf } from '../../domain/text.ts';
import { playInProcess } from './in-process.ts';
import { type Lane, openLane } from './lane.ts';
import { type FuzzScript, fuzzScripts } from './script.ts';
import { brokenPromises, type Said } from './truth.ts';

/** A run that broke a promise; `seed` and `path` lead back to it. */
export interface CounterExample {
  seed: number;
  path: string;
  script: FuzzScript;
  broken: string[];
}

export interface Campaign {
  /** As many as were played: the search ends soon after a few have been found. */
  runs: number;
  seed: number;
  /** How often each end came, by name. */
  ends: Record<string, number>;
  found: CounterExample[];
}

const longestInProcessMs = 120_000;
const maxFound = 5;

type Play = (lane: Lane, script: FuzzScript, seed: number) => Promise<Said>;

/** Runs of the real activities and the real HTTP client, with the workflow's part played in process. */
export async function fuzzInProcess(runs: number, seed: number, parallel = 8): Promise<Campaign> {
  const scripts = fuzzScripts(longestInProcessMs);
  return await run({ runs, seed, parallel, scripts, play: playInProcess, hasOwnClock: true });
}

/** Plays scripts on several lanes at once, and tells which broke a promise. */
export async function run(parts: {
  runs: number;
  seed: number;
  parallel: number;
  scripts: fc.Arbitrary<FuzzScript>;
  play: Play;
  hasOwnClock: boolean;
}): Promise<Campaign> {
  const { runs, seed, parallel, play, hasOwnClock } = parts;
  const campaign: Campaign = { runs: 0, seed, ends: {}, found: [] };
  const samples = fc.sample(parts.scripts, { numRuns: runs, seed }).entries();
  const lanes = await Promise.all(Array.from({ length: parallel }, () => openLane({ hasOwnClock })));
  try {
    await Promise.all(
      lanes.map(async (lane) => {
        for (const [index, script] of samples) {
          campaign.runs += 1;
          const said = await play(lane, script, seed + index).catch((error: unknown) => messageOf(error));
          if (typeof said === 'string') {
            campaign.found.push({ seed, path: String(index), script, broken: [`it could not be played: ${said}`] });
            continue;
          }
          const end = said.deliveredId === undefined ? (said.type ?? 'none') : 'delivered';
          campaign.ends[end] = (campaign.ends[end] ?? 0) + 1;
          const broken = brokenPromises(script, said, lane.books(said.prompt));
          if (broken.length > 0) campaign.found.push({ seed, path: String(index), script, broken });
          if (campaign.found.length >= maxFound) return;
        }
      }),
    );
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  return campaign;
}

/** A campaign in one paragraph. */
export function describeCampaign(name: string, { runs, seed, ends, found }: Campaign): string {
  const list = Object.entries(ends)
    .sort((a, b) => b[1] - a[1])
    .map(([end, count]) => `${end} ${String(count)}`)
    .join(', ');
  const head = `${name}: ${String(runs)} runs, seed ${String(seed)}: ${String(found.length)} violations (${list})`;
  const examples = found.map(
    (each) => `  run ${each.path}: ${each.broken.join('; ')}\n  ${JSON.stringify(each.script)}`,
  );
  return [head, ...examples].join('\n');
}
