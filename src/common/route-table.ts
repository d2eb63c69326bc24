/**
 * Which methods a path takes. The router answers 404 for a path that exists under another method; this tells
 * the two apart, and is asked only then.
 */
export class RouteTable {
  private readonly routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];

  /** @param path in the router's notation, with `:name` for a segment. Wildcards name no path and are left out. */
  add(path: string, methods: readonly string[]): void {
    if (path.includes('*')) return;
    const source = path
      .replace(/\/+$/, '')
      .split('/')
      .map((segment) => segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z_]\w*/g, '[^/]+'))
      .join('/');
    this.routes.push({ pattern: new RegExp(`^${source}/?$`), methods });
  }

  /** Empty where the path is none of ours under any method. */
  methodsFor(path: string): readonly string[] {
    const found = new Set<string>();
    for (const { pattern, methods } of this.routes) {
      if (pattern.test(path)) for (const method of methods) found.add(method);
    }
    return [...found].sort();
  }
}
