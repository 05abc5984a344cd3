import { loadAwsClis } from './aws-cli.ts';

/** Jest's global set-up: finds and loads the AWS CLIs once for all suites; `findAwsClis` tells which. */
export default function loadAwsClisOnce() {
  process.env.AWS_CLIS = JSON.stringify(loadAwsClis());
}
