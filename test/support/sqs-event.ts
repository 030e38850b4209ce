import type { Delivery } from '../../functions/worker/worker-queue.ts';

/** @returns the event by which Lambda hands a message to a function, as far as the worker reads it. */
export const sqsEvent = ({ messageId, receiptHandle, body, receiveCount }: Delivery) => ({
  Records: [{ messageId, receiptHandle, body, attributes: { ApproximateReceiveCount: `${receiveCount}` } }] as const,
});
