import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReadPacer, type ReadTurn } from '../../../../activities/reading/read-pacer.ts';
import { createRandom } from '../../../../simulator/world/random.ts';

const turn = (likelyEndInMs = 0, withinMs = 30_000) => ({ likelyEndInMs, withinMs });
const resultTurn = (withinMs = 30_000) => ({ isOver: true, likelyEndInMs: 0, withinMs });

let isTimePassing = false;

/** Time passes here as fast as it can, and never while a machine that is busy does something else. */
async function passTime(): Promise<void> {
  while (isTimePassing) await vi.advanceTimersByTimeAsync(1);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(Math, 'random').mockImplementation(createRandom(1));
  isTimePassing = true;
  void passTime();
});

afterEach(() => {
  isTimePassing = false;
});

describe('the turns of a worker’s reads', () => {
  it('come no closer than the limit allows, however many are asked for at once', async () => {
    const { takeTurn } = createReadPacer({ readsPerSecond: 20 });
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 21 }, () => takeTurn(turn())));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('all wait after a 429, for as long as RunComfy asks', async () => {
    const { takeTurn, slowDown } = createReadPacer();
    slowDown(1_000);
    const startedAt = Date.now();
    expect(await Promise.all([takeTurn(turn()), takeTurn(turn()), takeTurn(turn())])).toEqual([0, 0, 0]);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('are put off, with the time that is left, when none comes soon', async () => {
    const { takeTurn, slowDown } = createReadPacer();
    slowDown(60_000);
    const inMs = await takeTurn(turn(5_000, 5_000));
    expect(inMs).toBeGreaterThan(55_000);
    expect(inMs).toBeLessThan(65_000);
  });

  it('go to the read whose work is likely over first', async () => {
    const { takeTurn, slowDown } = createReadPacer({ readsPerSecond: 100 });
    slowDown(300);
    const served: string[] = [];
    const take = async (name: string, turn: ReadTurn) => {
      await takeTurn(turn);
      served.push(name);
    };
    await Promise.all([
      take('in a minute', turn(60_000)),
      take('soon', turn(1_000)),
      take('long over', turn(-60_000)),
      take('a result', resultTurn()),
    ]);
    expect(served).toEqual(['a result', 'long over', 'soon', 'in a minute']);
  });

  it('are given out one by one to those that were turned away, so that they do not come back together', async () => {
    const { takeTurn } = createReadPacer({ readsPerSecond: 10, maxWaiting: 5 });
    const answers = await Promise.all(Array.from({ length: 26 }, () => takeTurn(turn(60_000, 400))));
    const away = answers.filter((inMs) => inMs > 0).sort((a, b) => a - b);
    expect(away.length).toBeGreaterThanOrEqual(20);
    expect(away.at(-1)).toBeGreaterThan(2_000);
    expect(away.at(-1)).toBeLessThan(4_000);
  });

  it('always find room for a result, which ends a generation', async () => {
    const { takeTurn, slowDown } = createReadPacer({ readsPerSecond: 100, maxWaiting: 0 });
    slowDown(200);
    expect(await takeTurn(turn(60_000))).toBeGreaterThan(0);
    expect(await takeTurn(resultTurn())).toBe(0);
  });

  it('come at half the rate after a 429, and count the reads that waited for nobody', async () => {
    const { takeTurn, skipTurn, slowDown } = createReadPacer({ readsPerSecond: 200 });
    for (let count = 0; count < 40; count += 1) await takeTurn(turn());
    for (let count = 0; count < 20; count += 1) skipTurn();
    slowDown(100);
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 20 }, () => takeTurn(turn())));
    // At most 60 reads were seen in one second, so at most 30 a second come now.
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(600);
  });

  it('do not start with a stampede, though no limit is set', async () => {
    const { takeTurn } = createReadPacer();
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 100 }, () => takeTurn(turn())));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_000);
  });

  it('are refused at once when the worker shuts down, to those that wait as well', async () => {
    const { takeTurn, slowDown, stopAll } = createReadPacer();
    slowDown(60_000);
    const waiting = [takeTurn(resultTurn(70_000)), takeTurn(resultTurn(70_000))];
    stopAll();
    for (const inMs of [...(await Promise.all(waiting)), await takeTurn(resultTurn())])
      expect(inMs).toBeGreaterThanOrEqual(1_000);
  });

  it('come soon to a result after a ban, however many status reads were turned away before', async () => {
    const { takeTurn, slowDown } = createReadPacer({ readsPerSecond: 10, maxWaiting: 0 });
    await Promise.all(Array.from({ length: 500 }, () => takeTurn(turn(60_000))));
    slowDown(6_000);
    expect(await takeTurn(resultTurn(100))).toBeLessThan(6_500);
  });

  it('are put off by a second at most for reads that waited for nobody', async () => {
    const { takeTurn, skipTurn } = createReadPacer({ readsPerSecond: 10 });
    for (let count = 0; count < 300; count += 1) skipTurn();
    const startedAt = Date.now();
    expect(await takeTurn(turn())).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it('come back soon to those that were turned away while a worker starts', async () => {
    const { takeTurn } = createReadPacer({ maxWaiting: 10 });
    const answers = await Promise.all(Array.from({ length: 5_000 }, () => takeTurn(turn(60_000))));
    expect(Math.max(...answers)).toBeLessThan(10_000);
  });

  it('are slowed down once by a burst of refusals, also where RunComfy asks for no pause', async () => {
    const { takeTurn, slowDown } = createReadPacer({ readsPerSecond: 200 });
    for (let count = 0; count < 40; count += 1) await takeTurn(turn());
    for (let count = 0; count < 10; count += 1) slowDown(0);
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 20 }, () => takeTurn(turn())));
    expect(Date.now() - startedAt).toBeLessThan(3_500);
  });

  it('come as before when the machine’s clock is set back', async () => {
    const { takeTurn } = createReadPacer({ readsPerSecond: 20 });
    await Promise.all(Array.from({ length: 3 }, () => takeTurn(turn())));
    vi.setSystemTime(Date.now() - 60_000);
    const startedAt = performance.now();
    expect(await takeTurn(turn())).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('are never more than the limit in any second, though the first comes after an idle while', async () => {
    const { takeTurn } = createReadPacer({ readsPerSecond: 5 });
    await takeTurn(turn());
    await new Promise((resolve) => setTimeout(resolve, 400));
    const times: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      await takeTurn(turn());
      times.push(performance.now());
    }
    expect((times[5] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(995);
  });
});
