import { Duration } from 'aws-cdk-lib';
import { Color, Dashboard, GraphWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { dyingAlarm } from './dying-alarm.ts';
import { failuresMetric, remainingSecondsMetric } from './token-alarms.ts';
import type { TokenRefresher } from './token-refresher.ts';

/** Creates a dashboard with a row per token: its remaining life with the alarm's threshold, and its failed refreshes. */
export function createDashboard(
  scope: Construct,
  id: string,
  { refreshers }: { readonly refreshers: readonly TokenRefresher[] },
): Dashboard {
  return new Dashboard(scope, id, {
    defaultInterval: Duration.hours(24),
    widgets: refreshers.map((refresher) => {
      const { thresholdSeconds } = dyingAlarm(refresher.guarantee);
      return [
        new GraphWidget({
          title: `${refresher.tokenParameterName}: remaining life`,
          width: 16,
          left: [remainingSecondsMetric(refresher.tokenParameterName)],
          leftYAxis: { min: 0, label: 'seconds', showUnits: false },
          leftAnnotations: [{ value: thresholdSeconds, color: Color.RED, label: 'alarm' }],
        }),
        new GraphWidget({
          title: 'Failed refreshes in 15 minutes',
          width: 8,
          left: [failuresMetric(refresher.function)],
          leftYAxis: { min: 0, showUnits: false },
        }),
      ];
    }),
  });
}
