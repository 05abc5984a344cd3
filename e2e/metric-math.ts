import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../local/cloud-assembly.ts';

/** One entry of an alarm's `Metrics`: a metric, or an expression on metrics. */
interface MetricDataQuery {
  readonly MetricStat?: {
    readonly Metric: object;
    readonly Period: number;
    readonly Stat: string;
  };
}

/**
 * Replaces each alarm's metric math by its metric, in the templates of a cloud assembly.
 *
 * @returns logical ids of the alarms
 * @throws Error if the metric math has no metric, or several
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
 */
export function replaceMetricMath(assembly: string): string[] {
  return readdirSync(assembly)
    .filter((name) => name.endsWith('.template.json'))
    .flatMap((name) => replaceInTemplate(join(assembly, name)));
}

function replaceInTemplate(file: string): string[] {
  const template: Template = JSON.parse(readFileSync(file, 'utf8'));
  const replaced: string[] = [];
  const resources = Object.entries(template.Resources).map(([id, resource]) => {
    const { Metrics: metrics, ...properties } = resource.Properties ?? {};
    if (resource.Type !== 'AWS::CloudWatch::Alarm' || metrics === undefined) return [id, resource];
    replaced.push(id);
    return [id, { ...resource, Properties: { ...properties, ...onlyMetric(id, metrics) } }];
  });
  if (replaced.length > 0) {
    writeFileSync(file, JSON.stringify({ ...template, Resources: Object.fromEntries(resources) }, null, 1));
  }
  return replaced;
}

function onlyMetric(id: string, metrics: unknown): object {
  const [stat, ...others] = (metrics as readonly MetricDataQuery[]).flatMap(
    ({ MetricStat }) => MetricStat ?? [],
  );
  if (stat === undefined || others.length > 0) throw new Error(`${id}: metric math on more than one metric`);
  return { ...stat.Metric, Period: stat.Period, Statistic: stat.Stat };
}

// Between the app and the CDK CLI: `cdk deploy --app "<app> && node e2e/metric-math.ts $CDK_OUTDIR"`.
if (import.meta.main) replaceMetricMath(process.argv[2] ?? '');
