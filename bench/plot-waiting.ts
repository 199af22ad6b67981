// node --import tsx bench/plot-waiting.ts: draws docs/waiting-frontier.svg from bench/results/waiting.json
import { readFileSync, writeFileSync } from 'node:fs';

interface Point {
  subject: string;
  jobSet: string;
  readsPerJob: number;
  delayP50Ms: number;
}

const panel = { width: 520, height: 430, left: 62, right: 16, top: 46, bottom: 52 };
const file = (name: string) => new URL(name, import.meta.url);
const { rows } = JSON.parse(readFileSync(file('results/waiting.json'), 'utf8')) as { rows: Point[] };
const jobSets = [...new Set(rows.map(({ jobSet }) => jobSet))];
const width = panel.width * jobSets.length;
const text = (x: number, y: number, size: number, words: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${String(size)}" ${more}>${words}</text>`;

writeFileSync(
  file('../docs/waiting-frontier.svg'),
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(panel.height)}" font-family="sans-serif" fill="#222">`,
    `<rect width="${String(width)}" height="${String(panel.height)}" fill="#fff"/>`,
    ...jobSets.map((jobSet, index) => drawPanel(jobSet, index * panel.width)),
    '</svg>',
    '',
  ].join('\n'),
);

function drawPanel(jobSet: string, offset: number): string {
  const points = rows.filter((row) => row.jobSet === jobSet);
  const across = logScale(
    points.map(({ readsPerJob }) => readsPerJob),
    panel.left,
    panel.width - panel.right,
  );
  const down = logScale(
    points.map(({ delayP50Ms }) => delayP50Ms / 1_000),
    panel.height - panel.bottom,
    panel.top,
  );
  const grid = [
    ...across.ticks.map(
      (tick) =>
        `${line(across.place(tick), panel.top, across.place(tick), panel.height - panel.bottom)}${text(across.place(tick), panel.height - panel.bottom + 16, 11, String(tick), 'text-anchor="middle"')}`,
    ),
    ...down.ticks.map(
      (tick) =>
        `${line(panel.left, down.place(tick), panel.width - panel.right, down.place(tick))}${text(panel.left - 6, down.place(tick) + 4, 11, String(tick), 'text-anchor="end"')}`,
    ),
  ];
  const labelled: { x: number; y: number; words: number }[] = [];
  const marks = points
    .toSorted((a, b) => a.delayP50Ms - b.delayP50Ms)
    .map(({ subject, readsPerJob, delayP50Ms }) => {
      const x = across.place(readsPerJob);
      const y = down.place(delayP50Ms / 1_000);
      const isOurs = subject.startsWith('runcomfy-temporal');
      const isOnTheRight = x > panel.width * 0.55;
      const name = subject.replace('runcomfy-temporal ', '');
      const label = { x: isOnTheRight ? x - 8 : x + 8, y: y + 4, words: name.length * 5.6 };
      const isTaken = (at: number) =>
        labelled.some((other) => Math.abs(other.y - at) < 12 && Math.abs(other.x - label.x) < other.words + 8);
      while (isTaken(label.y)) label.y -= 12;
      labelled.push(label);
      const colour = isOurs ? (subject.endsWith('cold') ? '#8ab4e8' : '#0b57d0') : '#b3541e';
      const words = text(
        label.x,
        label.y,
        11,
        name,
        `fill="${colour}" text-anchor="${isOnTheRight ? 'end' : 'start'}"`,
      );
      return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="5" fill="${colour}"/>${words}`;
    });
  return [
    `<g transform="translate(${String(offset)} 0)">`,
    text(panel.left, 18, 14, `Jobs of ${jobSet}`, 'font-weight="bold"'),
    text(panel.left, 34, 11, 'blue: runcomfy-temporal (pale: nothing known yet); left and low is better'),
    ...grid,
    ...marks,
    text(panel.width / 2, panel.height - 14, 12, 'reads per job (log)', 'text-anchor="middle"'),
    text(
      -panel.height / 2,
      16,
      12,
      'p50 delay from finish to first terminal read, seconds (log)',
      'transform="rotate(-90)" text-anchor="middle"',
    ),
    '</g>',
  ].join('\n');
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  const [from, to] = [`x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}"`, `x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"`];
  return `<line ${from} ${to} stroke="#ddd"/>`;
}

function logScale(values: number[], start: number, end: number) {
  const low = Math.log(Math.min(...values) / 1.3);
  const high = Math.log(Math.max(...values) * 1.3);
  const ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200].filter(
    (tick) => Math.log(tick) > low && Math.log(tick) < high,
  );
  return { ticks, place: (value: number) => start + ((Math.log(value) - low) / (high - low)) * (end - start) };
}
