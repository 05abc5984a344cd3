// Genesys Cloud's JavaScript SDK through the gateway, with the token that it takes once, until UNTIL_MS.
const genesys = require('purecloud-platform-client-v2');

const { env } = process;

async function main() {
  const client = genesys.ApiClient.instance;
  client.setGateway({
    host: env.GENESYSCLOUD_GATEWAY_HOST,
    protocol: env.GENESYSCLOUD_GATEWAY_PROTOCOL,
    port: Number(env.GENESYSCLOUD_GATEWAY_PORT),
  });
  await client.loginClientCredentialsGrant(
    env.GENESYSCLOUD_OAUTHCLIENT_ID,
    env.GENESYSCLOUD_OAUTHCLIENT_SECRET,
  );
  const routing = new genesys.RoutingApi();
  const failures = [];
  let calls = 0;
  while (Date.now() < Number(env.UNTIL_MS)) {
    calls += 1;
    try {
      if (calls % 2 === 1) await routing.getRoutingQueues({ pageSize: 100 });
      else await routing.postRoutingQueues({ name: `queue ${calls}` });
    } catch (error) {
      failures.push(`call ${calls}: ${error.status ?? error.code ?? error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  console.log(JSON.stringify({ client: 'JavaScript SDK', calls, failures }));
  process.exit(failures.length > 0 ? 1 : 0);
}

main();
