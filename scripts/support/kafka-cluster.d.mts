export interface ClusterOptions {
  /** Where everything lives; it exists. */
  readonly folder: string;
  /** Default 1. */
  readonly brokers?: number;
  readonly say?: (line: string) => void;
  /** Of each broker, beside or instead of ours. */
  readonly properties?: Readonly<Record<string, string>>;
  /** That clients talk; brokers among themselves are on a plain listener. */
  readonly protocol?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** More arguments of the storage tool, like `--add-scram`. */
  readonly format?: readonly string[];
}
export interface KafkaCluster {
  /** `host:port` pairs, separated by commas. */
  readonly bootstrap: string;
  /** As an operator does. Brokers are numbered from 1; all of them unless named. */
  halt(ids?: readonly number[]): Promise<unknown>;
  /** As a power cut does. */
  kill(ids?: readonly number[]): Promise<unknown>;
  /** At the addresses and with the data that they had. */
  resume(ids?: readonly number[]): Promise<unknown>;
  stop(): Promise<unknown>;
}
export function startKafka(options: ClusterOptions): Promise<KafkaCluster>;
export function endKafka(folder: string): Promise<void>;
export function brokersBelow(folder: string): number[];
