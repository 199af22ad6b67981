import { RefusalError } from '../http/refusal-error.ts';
import type { Access } from './access.ts';
import { everyTenant, type Principal } from './principal.ts';

/** As databases may compare: case, accents, width and characters that are not seen make no difference. */
const { compare } = new Intl.Collator('en', { sensitivity: 'base' });

/**
 * Refuses keys of whoever acts for all tenants that begin with a tenant's name but for case, accents or width: servers on SQL
 * compare prefixes without these, and would count them as that tenant's.
 */
export async function mayName(access: Pick<Access, 'tenants'>, principal: Principal, key: string): Promise<void> {
  // A wide slash is one to such a database.
  const [first = ''] = key.split(/[/／]/);
  await refuseAlike(access, principal, { what: 'key', first, isOwn: (name) => key.split('/')[0] === name });
}

/** The same of names of budgets, of which a tenant's begin with its name and a dot. */
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
