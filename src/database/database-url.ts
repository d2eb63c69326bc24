/** Where the database in use is: the one that was configured, or the embedded one once it runs. Also its token. */
export abstract class DatabaseUrl {
  abstract readonly value: string;
}
