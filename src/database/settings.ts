import { randomBytes } from 'node:crypto';
import { SecretStore } from '../security/secret-store.js';
import type { Database } from './database.js';

const READ = { name: 'setting_read', text: 'select value from setting where name = $1' };
const MAKE = {
  name: 'setting_make',
  text: 'insert into setting (name, value) values ($1, $2) on conflict (name) do nothing',
};

/** Values that the system makes once for itself and keeps in the table `setting`. */
export class Settings {
  constructor(private readonly database: Pick<Database, 'call'>) {}

  /** The stored value, or what `make` gives; where several processes make one at once, all get the same. */
  async getOrMake(name: string, make: () => string): Promise<string> {
    const stored = await this.get(name);
    if (stored !== null) return stored;
    await this.database.call(MAKE, [name, make()]);
    const made = await this.get(name);
    if (made === null) throw new Error(`The setting ${name} was removed while it was being made`);
    return made;
  }

  private async get(name: string): Promise<string | null> {
    const [row] = await this.database.call<{ value: string }>(READ, [name]);
    return row?.value ?? null;
  }
}

/** The secret of tokens where none is configured: it lives and dies with the database. */
export class StoredSecret extends SecretStore {
  constructor(private readonly settings: Settings) {
    super();
  }

  override async secret(): Promise<Uint8Array> {
    const text = await this.settings.getOrMake('token-secret', () => randomBytes(32).toString('base64url'));
    return Buffer.from(text, 'base64url');
  }
}
