import { type Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { functionNameProblem, PREFIX, TOKEN_NAME } from './names.ts';

interface CheckedProps {
  readonly tokenName: string;
  readonly refreshInterval?: Duration;
  readonly expectedLifetime?: Duration;
  readonly assumedLifetime?: Duration;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4_096;

/** Checks the construct's props as the configuration checks cdk.json. @throws Error with all problems */
export function checkProps(
  scope: Construct,
  props: CheckedProps,
  derived: { readonly prefix: string; readonly functionName: string; readonly environment: object },
): void {
  const { tokenName, refreshInterval, expectedLifetime, assumedLifetime } = props;
  const { prefix, functionName, environment } = derived;
  const problems: string[] = [];
  if (!TOKEN_NAME.test(tokenName)) problems.push(`tokenName "${tokenName}" is not ${TOKEN_NAME.rule}`);
  if (!PREFIX.test(prefix)) problems.push(`parameterPrefix "${prefix}" is not ${PREFIX.rule}`);
  const nameProblem = functionNameProblem(functionName);
  if (nameProblem !== undefined) problems.push(`tokenName "${tokenName}" ${nameProblem}`);
  for (const [name, duration] of Object.entries({ refreshInterval, expectedLifetime, assumedLifetime })) {
    if (duration === undefined) continue;
    const ms = duration.toMilliseconds();
    if (ms < 60_000 || ms > 48 * 3_600_000 || ms % 1_000 !== 0) {
      problems.push(`${name} of ${ms / 1000} seconds is not a whole number of seconds from 60 to 172,800`);
    }
  }
  const bytes = Buffer.byteLength(JSON.stringify(Stack.of(scope).resolve(environment)));
  if (bytes > ENVIRONMENT_BYTES) {
    problems.push(
      `the settings need about ${bytes} bytes of environment variables; Lambda's limit is ${ENVIRONMENT_BYTES}: shorten scope, resource or parameters`,
    );
  }
  if (problems.length > 0) throw new Error(`TokenRefresher "${scope.node.path}": ${problems.join('; ')}`);
}
