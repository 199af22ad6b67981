import { describe, expect, it } from 'vitest';
import { ownCommand } from '../../../cli/own-command.ts';

describe('ownCommand', () => {
  it.each([
    [['result', 'order-4711'], 'runcomfy-temporal result order-4711'],
    [['result', 'a b', '--late'], "runcomfy-temporal result 'a b' --late"],
    [['result', '-dash', '--late'], 'runcomfy-temporal result --late -- -dash'],
    [['status', '--output'], 'runcomfy-temporal status -- --output'],
    [['result', 'k', '--download', 'my files'], "runcomfy-temporal result k --download 'my files'"],
  ] as const)('%j is written as a shell takes it', ([name, key, ...flags], expected) => {
    expect(ownCommand(name, key, ...flags)).toBe(expected);
  });
});
