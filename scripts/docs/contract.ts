import { readdirSync } from 'node:fs';
import protobuf from 'protobufjs';

const FOLDER = 'proto/fairline/v1';

/** The contract as a module, so that no process has to find and parse files. Run from the root of the repository. */
export function renderContract(): string {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => (target.startsWith('fairline/') ? `proto/${target}` : target);
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.proto'));
  root.loadSync(files.sort().map((name) => `fairline/v1/${name}`));
  const json = JSON.stringify(root.toJSON(), withComment, 2);
  return `// Made by \`npm run docs\` from proto/fairline/v1. A test compares the two: change the source.
import type { INamespace } from 'protobufjs';

export const CONTRACT: INamespace = ${json};
`;
}

/** The type of what is read back wants one of every method. */
const withComment = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'requestType' in value ? { ...value, comment: '' } : value;
