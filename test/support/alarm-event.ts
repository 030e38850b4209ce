export const ALARM = {
  AlarmName: 'crypto-prices-no-complete-run',
  AlarmDescription: [
    '[critical] No full run has been complete for 26 hours: either none ran, or each left days missing.',
    'What to do: https://github.com/you/crypto-prices/blob/HEAD/docs/runbook.md#no-complete-run',
    'Dashboard: https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/crypto-prices-runs',
    'Logs: https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:logs-insights$3FqueryDetail$3D~$28end~0$29',
  ].join('\n'),
  AWSAccountId: '123456789012',
  NewStateValue: 'ALARM',
  NewStateReason:
    'Threshold Crossed: no datapoints were received for 26 periods and 26 missing datapoints were treated as [Breaching] (OK -> ALARM).',
  StateChangeTime: '2026-11-27T04:00:12.345+0000',
  Region: 'EU (Frankfurt)',
  AlarmArn: 'arn:aws:cloudwatch:eu-central-1:123456789012:alarm:crypto-prices-no-complete-run',
  OldStateValue: 'OK',
  Trigger: { MetricName: 'FullRunsComplete', Namespace: 'CryptoPriceIngestion' },
};

/** @returns what SNS invokes a function with. @param message an alarm, or a text that is none. */
export const snsEvent = (message: unknown) => ({
  Records: [
    {
      EventSource: 'aws:sns',
      EventVersion: '1.0',
      EventSubscriptionArn: 'arn:aws:sns:eu-central-1:123456789012:crypto-prices-alarms:1',
      Sns: {
        Type: 'Notification',
        MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
        TopicArn: 'arn:aws:sns:eu-central-1:123456789012:crypto-prices-alarms',
        Subject: 'ALARM: "crypto-prices-no-complete-run" in EU (Frankfurt)',
        Message: typeof message === 'string' ? message : JSON.stringify(message),
        Timestamp: '2026-11-27T04:00:12.400Z',
      },
    },
  ],
});
