import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { createTokenRefresherApp } from '../infra/token-refresher-app.ts';
import { temporaryDirectory } from '../local/temporary-directory.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from '../test/infra/full-configuration.ts';

// Prints what cdk-nag's AwsSolutions rules find in a stack that uses every setting, and what was acknowledged.
const app = createTokenRefresherApp(TARGET, {
  outdir: temporaryDirectory(),
  context: { ...FULL_CONTEXT, tokens: FULL_TOKENS },
});
const report = new AwsSolutionsChecks(app).validateScope(app);
for (const { ruleName, description, violatingResources } of report.violations) {
  for (const { resourceLogicalId } of violatingResources) {
    console.error(`${ruleName} ${resourceLogicalId}: ${description}`);
  }
}
let acknowledged = 0;
for (const construct of app.node.findAll()) {
  for (const { type, data } of construct.node.metadata) {
    if (type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue;
    for (const [rule, reason] of Object.entries(data as Record<string, string>)) {
      // The CDK acknowledges some of its own findings.
      if (!rule.includes('AwsSolutions')) continue;
      acknowledged++;
      console.log(`acknowledged ${rule} on ${construct.node.path}: ${reason}`);
    }
  }
}
console.log(`cdk-nag AwsSolutions: ${report.violations.length} unsuppressed, ${acknowledged} acknowledged`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
