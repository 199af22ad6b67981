const msPerUnit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const pattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** Milliseconds of `90s`, `30m`, `1.5h`, `1h30m`, `2d`; undefined for anything else. A unit is required. */
export function parseDuration(text: string): number | undefined {
  const compact = text.replaceAll(/\s+/g, '').toLowerCase();
  if (compact.length > 50 || !pattern.test(compact)) return undefined;
  let total = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * msPerUnit[unit as keyof typeof msPerUnit];
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined;
}
