import { RefusalError } from '../http/refusal-error.ts';
import type { Access } from './access.ts';
import { everyTenant, type Principal } from './principal.ts';

/**
 * Refuses keys of whoever acts for all tenants that begin with a tenant's name but for its case: servers on SQL compare
 * prefixes without case, and would count them as that tenant's.
 */
export async function mayName({ tenants }: Pick<Access, 'tenants'>, { tenant }: Principal, key: string): Promise<void> {
  if (tenant !== everyTenant) return;
  const [first = ''] = key.split('/');
  const other = (await tenants()).find((name) => name !== first && name === first.toLowerCase());
  if (other === undefined) return;
  const message = `"${first}" is the tenant "${other}" but for its case: begin the key with another word`;
  throw new RefusalError('InvalidInput', `key: ${message}`, { issues: [{ path: 'key', message }] });
}
