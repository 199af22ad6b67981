// npm run bench:faults               all subjects, about five minutes
// npm run bench:faults -- fal lost   only subjects and faults whose name contains one of the words; nothing is
//                                    written, but --add puts the rows into the results of the last whole run
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startEmbeddedServer } from '../cli/dev-server/server.ts';
import { findTemporalBinary } from '../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../config/env.ts';
import type { UnknownSubmissionPolicy } from '../domain/generation.ts';
import { searchAttributes } from '../domain/names.ts';
import { messageOf } from '../domain/text.ts';
import { startSimulator } from '../simulator/index.ts';
import { type FaultRow, faultRows, usualWindowMs } from './support/figures/fault-rows.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { startAdapter } from './support/subjects/adapter.ts';
import { type Ours, startOurs } from './support/subjects/ours.ts';
import { type CellEnd, type PeerProcess, startPeer } from './support/subjects/peer-process.ts';
import { protocols } from './support/subjects/protocols.ts';
import { isOnTemporal, labelOf, type Subject, subjects } from './support/subjects/subjects.ts';

interface Row extends CellEnd {
  subject: string;
  setting: string;
  fault: string;
  step: FaultRow['step'];
  /** Jobs that the provider accepted. */
  billed: number;
  seconds: number;
}

interface NotRun {
  subject: string;
  reason: string;
}

const parallel = 16;
const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

await main(process.argv.slice(2));

async function main(args: string[]): Promise<void> {
  const words = args.filter((word) => word !== '--add');
  const isWanted = (text: string) => words.length === 0 || words.some((word) => text.toLowerCase().includes(word));
  const wantedSubjects = subjects.filter((subject) => isWanted(labelOf(subject).toLowerCase()));
  const wantedRows = faultRows.filter(({ fault, step, short }) => isWanted(`${step} ${fault} ${short}`));
  const chosen = wantedSubjects.length === 0 ? subjects : wantedSubjects;
  const chosenRows = wantedRows.length === 0 ? faultRows : wantedRows;

  if (!existsSync(new URL('node_modules', import.meta.url))) {
    say('installing the peers (bench/package-lock.json)');
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  quietTemporal();
  const binary = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: say });
  const server = await startEmbeddedServer({ cliPath: binary.path, uiPort: false, searchAttributes });
  const peers = new Map<string, PeerProcess>();
  let ours: Ours | undefined;
  try {
    ours = await startOurs(server.address);
    const notRun = await startPeers(chosen, server.address, peers);
    const rows = await measureAll(chosen, chosenRows, { ours, peers });
    print(rows, chosenRows, chosen, notRun);
    if (args.includes('--add')) addRows(rows);
    if (words.length > 0) return;
    const about = Object.assign({}, ...Array.from(peers.values(), (peer) => peer.about)) as Record<string, string>;
    writeResults('faults', {
      name: 'faults',
      commit: describeCommit(),
      machine: describeMachine(),
      measuredAt: new Date().toISOString(),
      versions: versionsOf({ temporal: binary.version, ...about }),
      notRun,
      rows,
    });
    say('\nwritten to bench/results/faults.json');
  } finally {
    await Promise.all([...peers.values()].map((peer) => peer.stop()));
    await ours?.stop();
    await server.stop();
  }
}

/** Adds rows to the results of the last whole run. They state their own time and commit. */
function addRows(rows: readonly Row[]): void {
  const results = JSON.parse(readFileSync(new URL('results/faults.json', import.meta.url), 'utf8')) as { rows: Row[] };
  const isNew = (old: Row) =>
    rows.some(
      ({ subject, setting, fault }) => old.subject === subject && old.setting === setting && old.fault === fault,
    );
  const origin = { commit: describeCommit(), measuredAt: new Date().toISOString() };
  const kept = results.rows.filter((row) => !isNew(row));
  writeResults('faults', { ...results, rows: [...kept, ...rows.map((row) => ({ ...row, ...origin }))] });
  say('\nadded to bench/results/faults.json');
}

/** A peer that cannot run here is listed with the reason, never omitted silently. */
async function startPeers(
  chosen: readonly Subject[],
  address: string,
  peers: Map<string, PeerProcess>,
): Promise<NotRun[]> {
  const programs = new Set(chosen.flatMap(({ program }) => program ?? []));
  const notRun: NotRun[] = [];
  await Promise.all(
    Array.from(programs, async (program) => {
      try {
        peers.set(program, await startPeer(program, [address]));
      } catch (error) {
        const subject = chosen.find((candidate) => candidate.program === program)?.subject ?? program;
        notRun.push({ subject, reason: messageOf(error) });
        say(`${subject} cannot be run here: ${notRun.at(-1)?.reason ?? ''}`);
      }
    }),
  );
  return notRun;
}

/** Starts the long rows first, so that the whole ends soon after the longest of them. */
async function measureAll(
  chosen: readonly Subject[],
  faults: readonly FaultRow[],
  means: { ours: Ours; peers: Map<string, PeerProcess> },
): Promise<Row[]> {
  const cells = faults
    .toSorted((a, b) => (b.windowMs ?? usualWindowMs) - (a.windowMs ?? usualWindowMs))
    .flatMap((fault) => chosen.map((subject) => ({ fault, subject })))
    .filter(({ subject: { program } }) => program === undefined || means.peers.has(program))
    .filter(({ fault, subject }) => fault.atTemporal === undefined || isOnTemporal(subject));
  const rows: Row[] = [];
  const next = cells[Symbol.iterator]();
  const lane = async () => {
    for (const { fault, subject } of next) {
      rows.push(await measure(fault, subject, means));
      if (rows.length % 20 === 0) say(`${String(rows.length)} of ${String(cells.length)} measured`);
    }
  };
  const longOnes = cells.filter(({ fault }) => fault.windowMs !== undefined).length;
  await Promise.all(Array.from({ length: parallel + longOnes }, lane));
  const rank = ({ subject, setting, fault }: Row) =>
    chosen.findIndex((each) => each.subject === subject && each.setting === setting) * 1_000 +
    faults.findIndex((each) => each.fault === fault);
  return rows.sort((a, b) => rank(a) - rank(b));
}

/** Measures one subject under one fault, with a simulator and a ledger of its own. */
async function measure(
  fault: FaultRow,
  { subject, setting, program, protocol }: Subject,
  { ours, peers }: { ours: Ours; peers: Map<string, PeerProcess> },
): Promise<Row> {
  const windowMs = fault.windowMs ?? usualWindowMs;
  const simulator = await startSimulator({
    // Ids repeat with the seed, and no two simulators may hand out the same ids.
    seed:
      1 +
      faultRows.indexOf(fault) * 1_000 +
      subjects.findIndex((each) => labelOf(each) === labelOf({ subject, setting })),
    profiles: { '*': { queueMs: 300, runMs: 700 } },
    faults: fault.rules,
  });
  const adapter = protocol && (await startAdapter(protocols[protocol], simulator.modelApiBase));
  const startedAt = Date.now();
  const timer = { handle: undefined as NodeJS.Timeout | undefined };
  try {
    if (fault.refusedForMs !== undefined) {
      await adapter?.outage(fault.refusedForMs, 'refuse');
      await simulator.outage(fault.refusedForMs, 'refuse');
    }
    const peer = program === undefined ? undefined : peers.get(program);
    const end = await Promise.race([
      peer
        ? peer.run(adapter?.url ?? simulator.modelApiBase, setting, fault.atTemporal)
        : ours.run(simulator, setting as UnknownSubmissionPolicy, windowMs, fault.atTemporal),
      new Promise<CellEnd>((resolve) => {
        timer.handle = setTimeout(resolve, windowMs, {
          delivered: false,
          outcome: 'still trying when the time was up',
        });
      }),
    ]);
    return {
      subject,
      setting,
      fault: fault.fault,
      step: fault.step,
      billed: simulator.ledger({ withJobs: false }).totals.accepted,
      delivered: end.delivered,
      outcome: end.outcome,
      seconds: Math.round((Date.now() - startedAt) / 100) / 10,
    };
  } finally {
    clearTimeout(timer.handle);
    await adapter?.close();
    await simulator.close();
  }
}

function print(rows: Row[], faults: readonly FaultRow[], chosen: readonly Subject[], notRun: NotRun[]): void {
  const cell = (row: Row | undefined) => {
    if (row === undefined) return 'not run';
    const end = row.delivered
      ? 'ok'
      : row.outcome.startsWith('still')
        ? '...'
        : row.outcome.includes('unknown')
          ? '?'
          : 'x';
    return `${String(row.billed)} ${end}`;
  };
  const lines = chosen.map((subject) => [
    labelOf(subject),
    ...faults.map(({ fault }) =>
      cell(
        rows.find((row) => row.fault === fault && row.subject === subject.subject && row.setting === subject.setting),
      ),
    ),
  ]);
  say(`\nbilled jobs, and: ok output delivered, ? ended or held as "submission unknown", x error, ... still trying\n`);
  say(formatTable(['', ...faults.map(({ short }) => short)], lines));
  say('');
  for (const { short, step, fault, windowMs = usualWindowMs } of faults) {
    say(`${short.padEnd(8)} ${step}: ${fault} (watched for ${String(windowMs / 1000)} s)`);
  }
  say('');
  for (const subject of chosen) say(`${labelOf(subject)}: ${subject.meaning}`);
  for (const { subject, reason } of notRun) say(`NOT RUN  ${subject}: ${reason}`);
}
