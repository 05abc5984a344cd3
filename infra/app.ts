import { createTokenRefresherApp } from './token-refresher-app.ts';

// What `cdk` runs; it reads cdk.json, and sets these variables where it has credentials and a region.
createTokenRefresherApp({
  account: process.env.CDK_DEFAULT_ACCOUNT,
  region: process.env.CDK_DEFAULT_REGION,
});
