import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';

/** @returns a client that heeds AWS_ENDPOINT_URL. By itself the SDK would call the host in the queue's URL. */
export const createSqsClient = (config: SQSClientConfig): SQSClient =>
  new SQSClient({ useQueueUrlAsEndpoint: false, ...config });
