/** Where a secret is kept that nobody configured. A port: the database implements it. */
export abstract class SecretStore {
  /** At least 32 random bytes, made once; every process gets the same. */
  abstract secret(): Promise<Uint8Array>;
}
