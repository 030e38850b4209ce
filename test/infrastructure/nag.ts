import { describe, expect, test } from '@jest/globals';
import { Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { createStack, STAGES, WITH_WEBHOOK } from './synthesise.ts';

// Each acknowledgement stands in lib/, with its reason, beside what it is about. This pack makes the app throw at synth.
describe("AWS's own review (cdk-nag, AwsSolutions)", () => {
  const settings: Record<string, string>[] = [
    ...STAGES.map((stage) => ({ stage })),
    { stage: 'prod', network: 'nat-instance' },
    { stage: 'dev', network: 'nat-gateway', schedule: 'rate(1 day)', ...WITH_WEBHOOK },
    { stage: 'prod', databaseClientCidrs: '10.20.0.0/16', databaseClientSecurityGroups: 'sg-0a1b2c3d' },
  ];

  test.each(settings)('finds nothing in %j', (setting) => {
    const { app } = createStack(setting);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).not.toThrow();
  });

  test('would find something: it does run', () => {
    const { app, stack } = createStack({});
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    new Queue(stack, 'Open');
    expect(() => app.synth()).toThrow('AwsSolutions-SQS4');
  });
});
