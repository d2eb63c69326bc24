import { execFileSync } from 'node:child_process';
import protobuf from 'protobufjs';

/** The contract, and the health service as its package has it. Run from the root of the repository. */
const SOURCES = ['proto', 'node_modules/grpc-health-check/proto'];

/** What reflection tells, file by file, as the compiler of protocol buffers has it. */
export function renderDescriptors(): string {
  const files = new Set(SOURCES.flatMap(filesOf));
  const lines = [...files].map((file) => `  '${file}',\n`).join('');
  return `// Made by \`npm run docs\` from proto/fairline/v1. A test compares the two: change the source.
export const DESCRIPTORS: readonly string[] = [\n${lines}];
`;
}

/** Each file with those that it imports, in base64. */
function filesOf(source: string): string[] {
  const buf = ['node_modules/@bufbuild/buf/bin/buf', 'build', source, '--as-file-descriptor-set'];
  const set = execFileSync(process.execPath, [...buf, '--exclude-source-info', '-o', '-']);
  const reader = protobuf.Reader.create(set);
  const files: string[] = [];
  while (reader.pos < reader.len) {
    reader.uint32();
    files.push(Buffer.from(reader.bytes()).toString('base64'));
  }
  return files;
}
