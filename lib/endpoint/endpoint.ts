import { Duration, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { ENDPOINT_TIMEOUT_MS } from '../../ingestion/contract/limits.ts';
import { ENDPOINT_PATH } from '../../ingestion/contract/names.ts';
import { createHandlerFunction } from '../functions/handler-function.ts';
import { accessLog, acknowledge, createLog, output } from '../house-rules.ts';
import { graph, MOST, SUM, Watched } from '../monitoring/watched.ts';
import { resourceName, type StackConfig } from '../stage-config.ts';

/** Calls a second, for all callers together. EventBridge makes one a day. A flood is turned away before Lambda is billed. */
const RATE_LIMIT = 5;
const BURST_LIMIT = 10;

/** The HTTP API and the trigger function behind it. The function checks the secret and queues a run. */
export class Endpoint extends Watched {
  readonly url: string;
  private readonly api: HttpApi;
  private readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, config: StackConfig, secret: ISecret, queue: Queue) {
    super(scope, id, config, []);
    this.handler = createHandlerFunction(this, config, 'trigger', {
      description: 'Checks the bearer secret and queues a run',
      timeout: Duration.millis(ENDPOINT_TIMEOUT_MS),
      // CPU comes with memory, and a cold start is all CPU.
      memorySize: 1024,
      nodeOptions: null,
      environment: { queueUrl: queue.queueUrl, cronSecretId: secret.secretArn },
      needsUniverse: true,
    });
    secret.grantRead(this.handler);
    queue.grant(this.handler, 'sqs:SendMessage', 'sqs:GetQueueAttributes');

    this.api = new HttpApi(this, 'Api', {
      apiName: resourceName(config, 'endpoint'),
      description: 'Queues runs of the price ingestion',
      createDefaultStage: false,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: RATE_LIMIT, burstLimit: BURST_LIMIT },
      accessLogSettings: {
        destination: new LogGroupLogDestination(createLog(this, 'AccessLog', config, accessLog(config))),
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            time: '$context.requestTime',
            sourceIp: '$context.identity.sourceIp',
            method: '$context.httpMethod',
            path: '$context.path',
            status: '$context.status',
            durationMs: '$context.responseLatency',
            error: '$context.integrationErrorMessage',
          }),
        ),
      },
    });
    const routes = this.api.addRoutes({
      path: ENDPOINT_PATH,
      methods: [HttpMethod.ANY],
      integration: new HttpLambdaIntegration('Trigger', this.handler),
    });
    for (const route of routes) {
      acknowledge(route, {
        'AwsSolutions-APIG4':
          'The function checks the bearer secret itself, in constant time, before it reads anything else of the call.',
      });
    }
    this.url = `${this.api.apiEndpoint}${ENDPOINT_PATH}`;
    output(this, 'EndpointUrl', 'Queues a run; POST with the bearer secret', this.url);
    const { region } = Stack.of(this);
    output(
      this,
      'FireRun',
      'Queues a run by hand',
      `aws secretsmanager get-secret-value --region ${region} --secret-id ${secret.secretArn} --query SecretString --output text | sed 's/^/Authorization: Bearer /' | curl -sS -X POST -H @- ${this.url}`,
    );
  }

  override graphs() {
    const { api, handler } = this;
    return [
      graph(
        'Called',
        'Endpoint',
        api.metricCount(SUM),
        api.metricClientError(SUM),
        api.metricServerError(SUM),
        this.measured('unauthorizedCalls'),
      ),
      graph('Called', 'Trigger', handler.metricDuration(MOST), this.measured('runsQueued')),
    ];
  }
}
