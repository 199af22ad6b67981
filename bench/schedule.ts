import { parseArgs } from 'node:util';
import { type DurationDistribution, tabulate } from '../activities/waiting/duration-distribution.ts';
import { createWaitingKnowledge, type WaitingKnowledge } from '../activities/waiting/knowledge.ts';
import { priorOf } from '../activities/waiting/prior.ts';
import { planReads } from '../activities/waiting/read-plan.ts';
import { createRandom, type Random } from '../simulator/world/random.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { waitForShortWork } from './support/figures/short-work.ts';
import { mean } from './support/figures/statistics.ts';
import { type Seen, seen, seenAfter, troubles } from './support/schedule/troubles.ts';
import { lognormal, mixture, type Truth, uniform } from './support/schedule/truths.ts';

// Expected cost of ways to wait for work whose duration has a known distribution: seconds of delay, plus the price of
// each read in seconds. Pure arithmetic: no network, no clock.

type NextRead = (seconds: number) => number;

const { values: options } = parseArgs({
  options: { draws: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const draws = Number(options.draws);
const seed = Number(options.seed);
const knobs = [0.02, 0.1, 0.5, 2];
const observations = [5, 20, 100];
const model = 'bench/model/image-to-video';
/** One model for each kind of prior. */
const coldModels = { video: model, 'all else': 'bench/model/other' };
const gridPoints = 3_000;

const truths: Record<string, Truth> = {
  'uniform 40–60 s': uniform(40, 60),
  'uniform 3–8 s': uniform(3, 8),
  'lognormal 50 s, σ 0.3': lognormal(50, 0.3),
  'lognormal 50 s, σ 0.6': lognormal(50, 0.6),
  'two humps, 20 and 90 s': mixture(lognormal(20, 0.15), lognormal(90, 0.2), 0.7),
};
/** The median drifts from 30 s to 60 s over the observations; the cost is that of the last state. */
const drifting = { name: 'drifting from 30 to 60 s', from: 30, to: 60, sigma: 0.3 };

const fixed = (gap: number) => (): NextRead => (seconds) => seconds + gap;
const growing = (first: number, factor: number, longest: number) => (): NextRead => {
  let gap = first;
  return (seconds) => {
    const next = seconds + gap;
    gap = Math.min(longest, gap * factor);
    return next;
  };
};
const others: Record<string, () => NextRead> = {
  'fixed 0.5 s (fal-js, replicate-js)': fixed(0.5),
  'fixed 1 s (runpod-sdk loop)': fixed(1),
  'fixed 2 s (RunComfy CLI)': fixed(2),
  'fixed 3 s (RunComfy MCP)': fixed(3),
  'fixed 5 s (partner nodes)': fixed(5),
  'exponential 0.5 s ×1.5 to 5 s (Comfy SDK)': growing(0.5, 1.5, 5),
};

interface Row {
  subject: string;
  jobSet: string;
  secondsPerRead: number;
  /** The cost divided by that of the best plan for the known distribution: mean and p95 over the draws. */
  ratio: number;
  p95: number;
  /** Mean, in seconds. */
  cost: number;
}

interface ColdRow extends Row {
  /** The cost divided by that of the better, and of the worse, of fixed 2 s and exponential gaps. */
  ofBetter: number;
  ofWorse: number;
}

const rows: Row[] = [];
const coldRows: ColdRow[] = [];

for (const [jobSet, truth] of Object.entries(truths)) {
  compare(jobSet, truth, (random, count) => Array.from({ length: count }, () => truth.draw(random)));
}
const last = lognormal(drifting.to, drifting.sigma);
compare(drifting.name, last, (random, count) =>
  Array.from({ length: count }, (_, index) => {
    const share = count === 1 ? 1 : index / (count - 1);
    return lognormal(drifting.from + (drifting.to - drifting.from) * share, drifting.sigma).draw(random);
  }),
);

const head = ['way of waiting', ...Object.keys(truths), drifting.name];
for (const secondsPerRead of knobs) {
  const of = rows.filter((row) => row.secondsPerRead === secondsPerRead);
  const lines = [...new Set(of.map(({ subject }) => subject))].map((subject) => [
    subject,
    ...head.slice(1).map((jobSet) => {
      const row = of.find((candidate) => candidate.subject === subject && candidate.jobSet === jobSet);
      return row ? `${row.ratio.toFixed(2)} (${row.p95.toFixed(2)})` : '';
    }),
  ]);
  process.stdout.write(
    `\none read is worth ${String(secondsPerRead)} s of delay: cost ÷ optimum, mean (p95 over ${String(draws)} draws)\n`,
  );
  process.stdout.write(`${formatTable(head, lines)}\n`);
}
printTroubles();
printCold();
const shortWork = compareShortWork();
writeResults('schedule', {
  name: 'schedule',
  commit: describeCommit(),
  machine: describeMachine(),
  versions: versionsOf(),
  settings: { draws, seed, knobs, observations },
  rows: [...rows, ...coldRows, ...shortWork],
});

function compare(jobSet: string, truth: Truth, observe: (random: Random, count: number) => number[]): void {
  const known = tabulated(truth);
  const workers = observations.map((count) => ({
    name: `runcomfy-temporal, ${String(count)} seen`,
    worlds: Array.from({ length: draws }, (_, draw) =>
      knowing(observe(createRandom(seed, draw, count), count).map((seconds) => seen(seconds))),
    ),
  }));
  for (const secondsPerRead of knobs) {
    const cost = (nextRead: NextRead) => costOf(nextRead, truth, known, secondsPerRead);
    const optimum = cost(bestPlan(known, secondsPerRead));
    const note = (subject: string, costs: number[]) => {
      const sorted = costs.map((one) => one / optimum).sort((a, b) => a - b);
      const ratio = mean(sorted);
      const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? ratio;
      rows.push({ subject, jobSet, secondsPerRead, ratio, p95, cost: ratio * optimum });
    };
    note('runcomfy-temporal, nothing known yet', [cost(ours(createWaitingKnowledge(), model, secondsPerRead))]);
    for (const { name, worlds } of workers) {
      note(
        name,
        worlds.map((waiting) => cost(ours(waiting, model, secondsPerRead))),
      );
    }
    for (const [name, start] of Object.entries(others)) note(name, [cost(start())]);
  }
}

function printTroubles(): void {
  const lines = Object.entries(troubles).map(([jobSet, { truth, before, after }]) => {
    const known = tabulated(truth);
    const worlds = Array.from({ length: draws }, (_, draw) => {
      const random = createRandom(seed, draw, seenAfter);
      return knowing([...before(random), ...Array.from({ length: seenAfter }, () => after(random))]);
    });
    const ratios = knobs.map((secondsPerRead) => {
      const optimum = costOf(bestPlan(known, secondsPerRead), truth, known, secondsPerRead);
      const costs = worlds.map((waiting) => costOf(ours(waiting, model, secondsPerRead), truth, known, secondsPerRead));
      const sorted = costs.map((cost) => cost / optimum).sort((a, b) => a - b);
      const ratio = mean(sorted);
      const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? ratio;
      const subject = `runcomfy-temporal, ${String(seenAfter)} seen since`;
      rows.push({ subject, jobSet, secondsPerRead, ratio, p95, cost: ratio * optimum });
      return `${ratio.toFixed(2)} (${p95.toFixed(2)})`;
    });
    return [jobSet, ...ratios];
  });
  process.stdout.write(`\nafter trouble and ${String(seenAfter)} further pieces of work: cost ÷ optimum, mean (p95)\n`);
  process.stdout.write(`${formatTable(['', ...knobs.map((knob) => `${String(knob)} s a read`)], lines)}\n`);
}

/** Compares with nothing learned, where the true median is `factor` times the prior's median. */
function compareCold(kind: string, coldModel: string, factor: number): void {
  const median = priorOf(coldModel).medianSeconds * factor;
  const shapes: Record<string, Truth> = {
    'lognormal σ 0.3': lognormal(median, 0.3),
    'lognormal σ 0.6': lognormal(median, 0.6),
    'uniform ±20 %': uniform(median * 0.8, median * 1.2),
  };
  for (const [shape, truth] of Object.entries(shapes)) {
    const known = tabulated(truth);
    for (const secondsPerRead of knobs) {
      const cost = (nextRead: NextRead) => costOf(nextRead, truth, known, secondsPerRead);
      const optimum = cost(bestPlan(known, secondsPerRead));
      const [fixedCost, growingCost] = [cost(fixed(2)()), cost(growing(0.5, 1.5, 5)())];
      const own = cost(ours(createWaitingKnowledge(), coldModel, secondsPerRead));
      coldRows.push({
        subject: 'runcomfy-temporal, nothing known yet',
        jobSet: `${kind}, ${String(factor)} × the guessed median, ${shape}`,
        secondsPerRead,
        ratio: own / optimum,
        p95: own / optimum,
        cost: own,
        ofBetter: own / Math.min(fixedCost, growingCost),
        ofWorse: own / Math.max(fixedCost, growingCost),
      });
    }
  }
}

function printCold(): void {
  const factors = [0.25, 0.5, 0.55, 0.6, 0.7, 0.85, 1, 1.1, 1.2, 1.4, 1.7, 2, 4];
  for (const [kind, coldModel] of Object.entries(coldModels)) {
    for (const factor of factors) compareCold(kind, coldModel, factor);
  }
  const lines = factors.map((factor) => {
    const of = coldRows.filter(({ jobSet }) => jobSet.includes(` ${String(factor)} × `));
    const worst = (pick: (row: ColdRow) => number) => Math.max(...of.map(pick)).toFixed(3);
    const ofBetter = mean(of.map((row) => row.ofBetter)).toFixed(3);
    return [`${String(factor)} × the guess`, ofBetter, worst((row) => row.ofBetter), worst((row) => row.ofWorse)];
  });
  process.stdout.write(
    '\nnothing known yet, cost over knobs, kinds and shapes, against fixed 2 s and exponential gaps\n',
  );
  process.stdout.write(
    `${formatTable(['true median', '÷ the better: mean', 'largest', '÷ the worse: largest'], lines)}\n`,
  );
}

/** Short work without any knowledge, for presets that want its end to be seen soon. */
function compareShortWork() {
  const found = Object.entries(coldModels).flatMap(([kind, coldModel]) =>
    [0.02, 0.5].map((secondsPerRead) => ({
      subject: 'runcomfy-temporal, nothing known yet',
      jobSet: `${kind}, eight jobs of 1.5 to 16 s`,
      secondsPerRead,
      ...waitForShortWork(ours(createWaitingKnowledge(), coldModel, secondsPerRead), draws, seed),
    })),
  );
  const lines = found.map(({ jobSet, secondsPerRead, medianDelay, worstMedianDelay, shareOfReads }) => [
    `${jobSet}, one read is worth ${String(secondsPerRead)} s`,
    ...[medianDelay, worstMedianDelay, shareOfReads].map((figure) => figure.toFixed(2)),
  ]);
  process.stdout.write(
    '\nshort work, nothing known yet: delay in seconds, reads ÷ those of a client that reads every 0.5 s\n',
  );
  process.stdout.write(`${formatTable(['jobs', 'median delay', 'worst draw', 'share of reads'], lines)}\n`);
  return found;
}

function tabulated(truth: Truth): DurationDistribution {
  const step = (truth.to - truth.from) / gridPoints;
  return tabulate(
    truth.cdf,
    Array.from({ length: gridPoints }, (_, index) => truth.from + step * (index + 1)),
  );
}

function bestPlan(known: DurationDistribution, secondsPerRead: number): NextRead {
  const certain = { ...known, learnedFrom: 0, learnedUntil: Infinity };
  return planReads(certain, { secondsPerRead, observations: Infinity, shortestGap: 0, latest: () => Infinity })
    .nextReadAt;
}

/** The knowledge of a worker that has seen this work end. */
function knowing(works: Seen[]): WaitingKnowledge {
  const waiting = createWaitingKnowledge();
  for (const work of works) waiting.learn({ workKey: model, model, ...work });
  return waiting;
}

/** Our schedule, as planned by a worker with this knowledge. */
function ours(waiting: WaitingKnowledge, of: string, secondsPerRead: number): NextRead {
  return (waited) => waited + waiting.nextReadInMs({ model: of, waited, secondsPerRead }) / 1_000;
}

/** The expected cost of one piece of work, in seconds. */
function costOf(nextRead: NextRead, truth: Truth, known: DurationDistribution, secondsPerRead: number): number {
  let cost = 0;
  let before = 0;
  while (truth.cdf(before) < 1 - 1e-6) {
    const at = nextRead(before);
    const ended = truth.cdf(at) - truth.cdf(before);
    cost += secondsPerRead * (1 - truth.cdf(before)) + at * ended - (momentAt(known, at) - momentAt(known, before));
    before = at;
  }
  return cost;
}

function momentAt({ times, moment }: DurationDistribution, seconds: number): number {
  if (seconds <= 0) return 0;
  let low = 1;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < seconds) low = middle + 1;
    else high = middle;
  }
  const [t0 = 0, t1 = 0, m0 = 0, m1 = 0] = [times[low - 1], times[low], moment[low - 1], moment[low]];
  return m0 + (m1 - m0) * Math.min(1, (seconds - t0) / (t1 - t0));
}
