import { ConfigurationError } from './construct/configuration-error.ts';
import { warnAboutRemovedTokens } from './deployed-tokens.ts';
import { createTokenRefresherApp } from './token-refresher-app.ts';

// What `cdk` runs, in the directory of cdk.json, which it reads; it sets these variables where it has credentials and a region.
const target = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
try {
  await warnAboutRemovedTokens(createTokenRefresherApp(target, {}, process.cwd()), target);
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  // A stack trace would bury what the person has to read.
  console.error(error.message);
  process.exitCode = 1;
}
