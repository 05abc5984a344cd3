// Genesys Cloud's JavaScript SDK through the gateway, with the token that it takes once, until UNTIL_MS or for RUN_MS.
// WORKERS call at a time.
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
  const until = Number(env.UNTIL_MS ?? Date.now() + Number(env.RUN_MS));
  const failures = [];
  let calls = 0;
  const work = async () => {
    while (Date.now() < until) {
      calls += 1;
      const call = calls;
      try {
        if (call % 2 === 1) await routing.getRoutingQueues({ pageSize: 100 });
        else await routing.postRoutingQueues({ name: `queue ${call}` });
      } catch (error) {
        failures.push(`call ${call}: ${error.status ?? error.code ?? error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  await Promise.all(Array.from({ length: Number(env.WORKERS ?? 1) }, work));
  console.log(JSON.stringify({ client: 'JavaScript SDK', calls, failures }));
  process.exit(failures.length > 0 ? 1 : 0);
}

main();
