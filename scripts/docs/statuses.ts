import { GRPC_STATUS } from '../../src/grpc/status.js';

/** Which status of gRPC each code of the catalogue has, by status. */
export function statusTable(): { head: string[]; rows: string[][] } {
  const codes = new Map<string, string[]>();
  for (const [code, status] of Object.entries(GRPC_STATUS))
    codes.set(status, [...(codes.get(status) ?? []), `\`${code}\``]);
  return {
    head: ['status', 'codes'],
    rows: [...codes].map(([status, named]) => [`\`${status}\``, named.join(', ')]),
  };
}
