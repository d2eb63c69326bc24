/** The functions of the database as one text, and what tells it from another. */
export interface Routines {
  readonly text: string;
  readonly digest: string;
}
