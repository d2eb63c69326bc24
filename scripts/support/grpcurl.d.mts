export function grpcurl(say?: (line: string) => void): string;
