/** What Fastify's `trustProxy` is to be: `X-Forwarded-For` counts only where one of these sent it, else never. */
export const trustProxy = (trustedProxies: readonly string[]): string[] | false =>
  trustedProxies.length === 0 ? false : [...trustedProxies];

/** The caller's address as the server's `trustProxy` has it; IPv4 in its own notation on dual-stack sockets too. */
export const clientAddress = (request: { readonly ip: string }): string => request.ip.replace(/^::ffff:/, '');
