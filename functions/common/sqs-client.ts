import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';

/** @returns a client that heeds the region's endpoint or AWS_ENDPOINT_URL, where the SDK would take the queue URL's host. */
export const createSqsClient = (config: SQSClientConfig = {}): SQSClient =>
  new SQSClient({ useQueueUrlAsEndpoint: false, ...config });
