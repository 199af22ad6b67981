import { budgetId, budgetNameWords } from '../../domain/budget/names.ts';
import { isJsonObject } from '../../domain/json.ts';
import { budgetNameOf, everyTenant, type Principal, workflowIdOf } from '../access/principal.ts';

/** Fields with content of callers or of RunComfy, which is passed on unchanged. */
const asGiven: readonly string[] = ['output', 'outputs', 'choices', 'chosen', 'params', 'input'];
const sentences: readonly string[] = ['message', 'lastMessage', 'reason', 'note', 'warnings'];
/** Objects whose field names are keys, or were chosen by a caller. */
const byName: readonly string[] = ['steps', 'orders'];

/** What must precede a key in a sentence: anywhere else the same text is part of a URL or of a longer word. */
const beforeKey = '(?<![\\w./-])';
/** Text that continues a word, so that the match before it is not a whole key. */
const goesOn = /^(?:[\w-]|\.\w)/;
/** Where sentences name a budget: elsewhere the same text may be, for example, a host in a vendor's message. */
const beforeBudget = ['budget "', budgetId(''), `names of ${budgetNameWords}, got "`].join('|');

/** Rewrites a body so that keys and budgets are named as their tenant knows them, without the tenant's prefix. */
export function inOwnWords<Told>(principal: Principal, told: Told, ...workflowIds: string[]): Told {
  if (principal.tenant === everyTenant) return told;
  const prefix = workflowIdOf(principal, '');
  const ofBudgets = budgetNameOf(principal, '');
  const ids = [...new Set([...workflowIds, ...keysIn(told)])].filter((id) => id.startsWith(prefix));
  const isNamed = (text: string, at: number) =>
    ids.some((id) => text.startsWith(id, at) && !goesOn.test(text.slice(at + id.length)));
  const withoutPrefix = (text: string) => (text.startsWith(prefix) ? text.slice(prefix.length) : text);
  const budget = (name: unknown) =>
    typeof name === 'string' && name.startsWith(ofBudgets) ? name.slice(ofBudgets.length) : name;
  const keyIn = new RegExp(`${beforeKey}${prefix}`, 'g');
  const budgetIn = new RegExp(`(?<=${beforeBudget})${ofBudgets.replace('.', '\\.')}`, 'g');
  const sentence = (text: string) =>
    text.replaceAll(keyIn, (found, at: number) => (isNamed(text, at) ? '' : found)).replaceAll(budgetIn, '');
  const field = (name: string, value: unknown): unknown => {
    if (asGiven.includes(name)) return value;
    if (name === 'key') return typeof value === 'string' ? withoutPrefix(value) : walk(value);
    if (name === 'budget') return budget(value);
    if (name === 'budgets' && Array.isArray(value)) return value.map(budget);
    if (sentences.includes(name)) return walk(value, sentence);
    if (!byName.includes(name) || !isJsonObject(value)) return walk(value);
    return Object.fromEntries(Object.entries(value).map(([id, one]) => [withoutPrefix(id), walk(one)]));
  };
  const walk = (value: unknown, ofText: (text: string) => string = (text) => text): unknown => {
    if (typeof value === 'string') return ofText(value);
    if (Array.isArray(value)) return value.map((one) => walk(one, ofText));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, field(name, one)]));
  };
  return walk(told) as Told;
}

/** The same for a message of the library, which names keys as Workflow IDs and budgets by their full names. */
export function inCallersWords<Told>(
  principal: Principal | undefined,
  told: Told,
  workflowId: string | undefined,
): Told {
  if (principal === undefined) return told;
  return inOwnWords(principal, told, ...(workflowId === undefined ? [] : [workflowId]));
}

/** Every key in a document. */
function keysIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (!isJsonObject(value)) return [];
  const { key } = value;
  return [...(typeof key === 'string' ? [key] : []), ...Object.values(value).flatMap(keysIn)];
}
