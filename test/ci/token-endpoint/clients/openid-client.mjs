// openid-client, as a plain OAuth2 client: it asks for a token again when the one that it has is about to end. Its clock
// is the fast one (clock.mjs); UNTIL_MS is a moment of that clock. It calls API_URL itself.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { env } = process;
// The package is not in node_modules above this file.
const resolve = createRequire(`${env.NODE_PATH}/x.js`).resolve;
const oauth = await import(pathToFileURL(resolve('openid-client')).href);

const configuration = new oauth.Configuration(
  { issuer: new URL(env.OAUTH_TOKEN_URL).origin, token_endpoint: env.OAUTH_TOKEN_URL },
  env.OAUTH_CLIENT_ID,
  undefined,
  oauth.ClientSecretBasic(env.OAUTH_CLIENT_SECRET),
);
oauth.allowInsecureRequests(configuration);
const failures = [];
let calls = 0;
let requests = 0;
let tokens;
let endsAt = 0;
while (Date.now() < Number(env.UNTIL_MS)) {
  calls += 1;
  try {
    if (Date.now() > endsAt - 60_000) {
      requests += 1;
      tokens = await oauth.clientCredentialsGrant(configuration);
      endsAt = Date.now() + tokens.expiresIn() * 1000;
    }
    const answer = await oauth.fetchProtectedResource(
      configuration,
      tokens.access_token,
      new URL(`${env.API_URL}/api/v2/routing/queues`),
      'GET',
    );
    await answer.text();
    if (!answer.ok) failures.push(`call ${calls}: ${answer.status}`);
  } catch (error) {
    failures.push(`call ${calls}: ${error.status ?? error.code ?? error.message}`);
  }
  await new Promise((next) => setTimeout(next, 300));
}
console.log(JSON.stringify({ client: 'openid-client', calls, requests, failures }));
process.exitCode = failures.length > 0 ? 1 : 0;
