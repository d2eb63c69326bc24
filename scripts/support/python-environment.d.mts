export function pythonEnvironment(wanted: {
  readonly name: string;
  readonly version: string;
  readonly packages: readonly string[];
  readonly python: readonly [number, number];
  readonly say: (line: string) => void;
}): string;
