export interface OwnRedis {
  readonly url: string;
  /** Of the server that runs now. */
  pid(): number;
  /** As a power cut does. */
  kill(): Promise<void>;
  /** At the same address, with what is on disk. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}
export function startRedis(options: {
  readonly folder: string;
  /** Every write is on disk before it is answered; else nothing ever is. */
  readonly isDurable?: boolean;
  readonly say?: (line: string) => void;
}): Promise<OwnRedis>;
