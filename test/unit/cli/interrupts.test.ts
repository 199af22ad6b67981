import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { catchInterrupts } from '../../../cli/interrupts.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

function caught() {
  const asked: string[] = [];
  const interrupts = catchInterrupts();
  onTestFinished(interrupts.stop);
  interrupts.answer({ onFirst: () => asked.push('first'), onDetach: () => asked.push('detach') });
  return { asked, interrupts };
}

it('takes what npm sends once more for the Ctrl-C that the terminal has sent', () => {
  const { asked } = caught();
  process.emit('SIGINT');
  vi.advanceTimersByTime(499);
  process.emit('SIGINT');
  expect(asked).toEqual(['first']);
  vi.advanceTimersByTime(1);
  process.emit('SIGINT');
  expect(asked).toEqual(['first', 'detach']);
});

it('hears at once that the process is told to end, after a Ctrl-C too', () => {
  const { asked } = caught();
  process.emit('SIGINT');
  process.emit('SIGTERM');
  expect(asked).toEqual(['first', 'detach']);
});

it('keeps that second Ctrl-C from ending the process also where nobody listens any more, and no later one', () => {
  const listeners = process.listenerCount('SIGINT');
  const { asked, interrupts } = caught();
  process.emit('SIGINT');
  interrupts.stop();
  interrupts.stop();
  expect(process.listenerCount('SIGINT')).toBe(listeners + 1);
  process.emit('SIGINT');
  expect(asked).toEqual(['first']);
  vi.advanceTimersByTime(500);
  expect(process.listenerCount('SIGINT')).toBe(listeners);
});

it('leaves nothing listening where there was no Ctrl-C', () => {
  const listeners = process.listenerCount('SIGINT');
  caught().interrupts.stop();
  expect(process.listenerCount('SIGINT')).toBe(listeners);
});
