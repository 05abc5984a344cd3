/**
 * Lists all queues with Genesys Cloud's JavaScript SDK (purecloud-platform-client-v2), however long that takes:
 *
 *     node ci/examples/javascript/list-queues.cjs
 *
 * GENESYS_API is the API's base URL. The SDK does not renew a token: where the API answers 401, this takes another one.
 */
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');
const { ApiClient, RoutingApi } = require('purecloud-platform-client-v2');

const ACCESS_TOKEN = join(__dirname, '../../access-token');

/** Reads the stored token; if `refusedVersion` is still the stored one, a new one is made. */
function readToken(refusedVersion) {
  const refused = refusedVersion === undefined ? [] : ['--not-version', refusedVersion];
  const read = spawnSync(ACCESS_TOKEN, ['get', 'genesys', '--min-ttl', '5m', ...refused], {
    encoding: 'utf8',
  });
  // The receipt, and on GitHub Actions and Azure Pipelines the command that masks the token.
  process.stderr.write(read.stderr);
  if (read.status !== 0) throw new Error(`access-token ended with status ${read.status}`);
  return { accessToken: read.stdout.trim(), version: /^token v(\d+) /m.exec(read.stderr)[1] };
}

async function main() {
  ApiClient.instance.config.basePath = process.env.GENESYS_API;
  const routing = new RoutingApi();
  let token = readToken();
  ApiClient.instance.setAccessToken(token.accessToken);
  for (let pageNumber = 1, pages = 1; pageNumber <= pages; pageNumber += 1) {
    const list = () => routing.getRoutingQueues({ pageNumber, pageSize: 100 });
    const listing = await list().catch((error) => {
      if (error.status !== 401) throw error;
      token = readToken(token.version);
      ApiClient.instance.setAccessToken(token.accessToken);
      return list();
    });
    pages = listing.pageCount;
    for (const { id, name } of listing.entities) console.log(`${id} ${name}`);
  }
}

main().catch((error) => {
  console.error(error.message ?? `The API answered ${error.status}.`);
  process.exitCode = 1;
});
