/** What a client of a stand-in on loopback needs besides its endpoint: made-up credentials, and no second attempt. */
export const AWS_CLIENT = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
} as const;
