import { RefusalError } from '../http/refusal-error.ts';
import type { Access } from './access.ts';
import { everyTenant, type Principal } from './principal.ts';

/** Compares as databases may do: ignoring case, accents, width and invisible characters. */
const { compare } = new Intl.Collator('en', { sensitivity: 'base' });

/**
 * Refuses a key of an all-tenants caller if its first part differs from a tenant's name only in case, accents or width:
 * SQL servers ignore these in prefixes and would count the key as that tenant's.
 */
export async function mayName(access: Pick<Access, 'tenants'>, principal: Principal, key: string): Promise<void> {
  // Such a database takes a full-width slash for a slash.
  const [first = ''] = key.split(/[/／]/);
  await refuseAlike(access, principal, { what: 'key', first, isOwn: (name) => key.split('/')[0] === name });
}

/** The same for names of budgets; a tenant's begin with its name and a dot. */
export async function mayNameBudget(
  access: Pick<Access, 'tenants'>,
  principal: Principal,
  name: string,
): Promise<void> {
  const [first = '', ...rest] = name.split('.');
  if (rest.length === 0) return;
  await refuseAlike(access, principal, { what: 'name', first, isOwn: (tenant) => first === tenant });
}

async function refuseAlike(
  { tenants }: Pick<Access, 'tenants'>,
  { tenant }: Principal,
  { what, first, isOwn }: { what: 'key' | 'name'; first: string; isOwn: (tenant: string) => boolean },
): Promise<void> {
  if (tenant !== everyTenant) return;
  const other = (await tenants()).find((name) => name !== everyTenant && !isOwn(name) && compare(first, name) === 0);
  if (other === undefined) return;
  const message = `"${first}" is the tenant "${other}" but for its case or its accents: begin the ${what} with another word`;
  throw new RefusalError('InvalidInput', `${what}: ${message}`, { issues: [{ path: what, message }] });
}
