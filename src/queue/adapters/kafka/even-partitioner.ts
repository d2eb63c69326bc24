import { type ICustomPartitioner, Partitioners } from 'kafkajs';
import { numberIn } from '../../../common/ids.js';

/**
 * Bookings that one process accepted one after the other go to the partitions in turn, so that what a hot offer grants
 * is dealt out evenly: by a hash the busiest of four workers had a seventh more to do than the others. As by a hash, the
 * key alone decides. Every other key is hashed.
 */
export const evenPartitioner: ICustomPartitioner = () => {
  const hashed = Partitioners.DefaultPartitioner();
  return (args) => {
    const { message, partitionMetadata } = args;
    const number =
      message.partition === undefined && typeof message.key === 'string' ? numberIn(message.key) : null;
    return number === null ? hashed(args) : number % partitionMetadata.length;
  };
};
