import { RefusalError } from '../http/refusal-error.ts';
import type { Access } from './access.ts';
import { everyTenant, type Principal } from './principal.ts';

/** As databases may compare: case, accents, width and characters that are not seen make no difference. */
const { compare } = new Intl.Collator('en', { sensitivity: 'base' });

/**
 * Refuses keys of whoever acts for all tenants that begin with a tenant's name but for case, accents or width: servers on SQL
 * compare prefixes without these, and would count them as that tenant's.
 */
export async function mayName({ tenants }: Pick<Access, 'tenants'>, { tenant }: Principal, key: string): Promise<void> {
  if (tenant !== everyTenant) return;
  // A wide slash is one to such a database.
  const [first = ''] = key.split(/[/／]/);
  const isOwn = (name: string) => key === name || key.startsWith(`${name}/`);
  const other = (await tenants()).find((name) => name !== everyTenant && !isOwn(name) && compare(first, name) === 0);
  if (other === undefined) return;
  const message = `"${first}" is the tenant "${other}" but for its case or its accents: begin the key with another word`;
  throw new RefusalError('InvalidInput', `key: ${message}`, { issues: [{ path: 'key', message }] });
}
