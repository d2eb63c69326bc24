import { Global, Logger, Module } from '@nestjs/common';
import { Ids, TimeOrderedIds } from '../common/ids.js';
import { Database } from '../database/database.js';
import { DoorDatabase } from '../database/door-database.js';
import { LedgerReadings } from '../metrics/sources.js';
import { JobQueue } from '../queue/job-queue.js';
import { LineReader } from '../realtime/active-line.js';
import { AdmissionHints } from './admission-hints.js';
import { Ledger } from './ledger/ledger.js';

const logger = new Logger('booking');
/** A hint that could not be sent costs time, never a booking: worth a line, not an alarm. */
const warn = (error: unknown): void => logger.warn({ message: 'a hint could not be sent', err: error });

/** The ledger, for every role. Needs `Database` from a global module. */
@Global()
@Module({
  providers: [
    {
      provide: Ledger,
      inject: [Database, DoorDatabase],
      useFactory: (db: Database, door: DoorDatabase) => new Ledger(db, door),
    },
    { provide: LedgerReadings, useExisting: Ledger },
    { provide: LineReader, useExisting: Ledger },
    { provide: Ids, useClass: TimeOrderedIds },
    {
      provide: AdmissionHints,
      inject: [JobQueue],
      useFactory: (queue: JobQueue) => new AdmissionHints(queue, warn),
    },
  ],
  exports: [Ledger, LedgerReadings, LineReader, Ids, AdmissionHints],
})
export class LedgerModule {}
