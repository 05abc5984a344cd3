#!/usr/bin/env node
// Built from ci/token-endpoint/ by `npm run build:token-endpoint`: change it there.

// ci/token-endpoint/aws-session.ts
import { execFile } from "node:child_process";
var STATIC_CREDENTIALS = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CREDENTIAL_EXPIRATION"
];
function examineAwsSession(options) {
  const { env, profile, now: now2 } = options;
  const renewable = renewableSource(env);
  const lasting = { environments: [env], endsAtMs: void 0 };
  if (profile !== void 0 || !env.AWS_ACCESS_KEY_ID) {
    const isRenewed = profile === void 0 && renewable !== void 0;
    return {
      ...lasting,
      notice: isRenewed ? Promise.resolve(void 0) : profileNotice(env, profile, now2())
    };
  }
  if (!env.AWS_SESSION_TOKEN) return { ...lasting, notice: Promise.resolve(void 0) };
  const endsAtMs = readTime(env.AWS_CREDENTIAL_EXPIRATION);
  const end = endsAtMs === void 0 ? "at an unknown time" : timeText(endsAtMs, now2());
  if (renewable === void 0) {
    const consequence = "and cannot be renewed here: after that, no newer token can be read";
    const notice2 = `the job's AWS session ends ${end} ${consequence}. If COMMAND runs longer, request a longer session`;
    return { environments: [env], endsAtMs, notice: Promise.resolve(notice2) };
  }
  const withoutSession = Object.fromEntries(
    Object.entries(env).filter(([name]) => !STATIC_CREDENTIALS.includes(name))
  );
  const notice = `the job's AWS session ends ${end}; after that, the job's ${renewable} is used`;
  return { environments: [env, withoutSession], endsAtMs: void 0, notice: Promise.resolve(notice) };
}
function renewableSource(env) {
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) return "web identity";
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    return "container's role";
  }
  return void 0;
}
function profileNotice(env, profile, nowMs) {
  const words = ["configure", "export-credentials", "--format", "process"];
  if (profile !== void 0) words.push("--profile", profile);
  return new Promise((resolve) => {
    execFile("aws", words, { env, timeout: 1e4 }, (_error, stdout) => {
      const endsAtMs = readTime(/"Expiration": *"([^"]*)"/.exec(stdout)?.[1]);
      resolve(
        endsAtMs === void 0 ? void 0 : `the job's AWS session ends ${timeText(endsAtMs, nowMs)}; the AWS CLI takes a new one if the profile or the machine's role provides it`
      );
    });
  });
}
function readTime(text) {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? void 0 : time;
}
function timeText(timeMs, nowMs) {
  const minutes = Math.max(0, Math.floor((timeMs - nowMs) / 6e4));
  const left = minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `at ${new Date(timeMs).toISOString().slice(11, 19)}Z (in ${left})`;
}

// ci/token-endpoint/command-environment.ts
function commandEnvironment(options) {
  const { env, server, credentials, genesys } = options;
  const { clientId, clientSecret } = credentials;
  const { GENESYSCLOUD_ACCESS_TOKEN: dropped, ...withoutToken } = env;
  return {
    // Clients prefer a token in the environment to client id and secret, and would bypass the gateway.
    ...genesys === void 0 ? env : withoutToken,
    ...withoutProxyFor(server.host, env),
    OAUTH_TOKEN_URL: `http://${server.host}:${server.port}/oauth/token`,
    OAUTH_CLIENT_ID: clientId,
    OAUTH_CLIENT_SECRET: clientSecret,
    ...genesys !== void 0 && {
      GENESYSCLOUD_REGION: genesys.region,
      GENESYSCLOUD_OAUTHCLIENT_ID: clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: clientSecret,
      GENESYSCLOUD_GATEWAY_HOST: server.host,
      GENESYSCLOUD_GATEWAY_PORT: String(server.port),
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http"
    }
  };
}
function withoutProxyFor(host, env) {
  if (!(env.HTTP_PROXY || env.http_proxy || env.ALL_PROXY || env.all_proxy)) return {};
  const hosts = [env.no_proxy || env.NO_PROXY, host].filter(Boolean).join(",");
  return { NO_PROXY: hosts, no_proxy: hosts };
}

// lambda/providers/genesys-regions.ts
var GENESYS_DOMAINS = {
  "us-east-1": "mypurecloud.com",
  "us-east-2": "use2.us-gov-pure.cloud",
  "us-west-2": "usw2.pure.cloud",
  "ca-central-1": "cac1.pure.cloud",
  "sa-east-1": "sae1.pure.cloud",
  "mx-central-1": "mxc1.pure.cloud",
  "eu-west-1": "mypurecloud.ie",
  "eu-west-2": "euw2.pure.cloud",
  "eu-central-1": "mypurecloud.de",
  "eu-central-2": "euc2.pure.cloud",
  "eusc-de-east-1": "edee1.eusc-pure.cloud",
  "me-central-1": "mec1.pure.cloud",
  "ap-south-1": "aps1.pure.cloud",
  "ap-southeast-1": "apse1.pure.cloud",
  "ap-southeast-2": "mypurecloud.com.au",
  "ap-northeast-1": "mypurecloud.jp",
  "ap-northeast-2": "apne2.pure.cloud",
  "ap-northeast-3": "apne3.pure.cloud"
};

// ci/token-endpoint/command-line.ts
var UsageError = class extends Error {
};
var USAGE = `usage: token-endpoint NAME [--min-ttl 5m] [--genesys-region REGION] -- COMMAND

Runs COMMAND, and answers its OAuth2 token requests with the stored token of
NAME on a port of this machine: for a COMMAND that runs longer than any token.
COMMAND finds OAUTH_TOKEN_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET in its
environment. They are good for this job only.

  --min-ttl TIME           replace a token with less life: 90s, 5m, 2h (5m)
  --genesys-region REGION  forward /api/v2/ to Genesys Cloud too, always with a
                           live token; sets GENESYSCLOUD_GATEWAY_HOST, _PORT,
                           _PROTOCOL and GENESYSCLOUD_OAUTHCLIENT_ID, _SECRET
  --prefix PATH, --function NAME, --profile P, --no-mask
                           as for access-token

Needs access-token beside this file or in PATH, and the AWS CLI.
Exit status: COMMAND's. Without a first token COMMAND is not run, and the status
is access-token's: 2 usage; 4 no live token; 5 AWS refused.
`;
var VALUED = ["--min-ttl", "--genesys-region", "--prefix", "--function", "--profile"];
function readCommandLine(args) {
  const values = /* @__PURE__ */ new Map();
  const names = [];
  const flags = [];
  let command = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index];
    if (word === "--") {
      command = args.slice(index + 1);
      break;
    }
    if (word === "--help" || word === "-h") return void 0;
    const [option, attached] = splitOption(word);
    if (VALUED.some((known) => known === option)) {
      if (attached === void 0) index += 1;
      const value = attached ?? args[index];
      if (value === void 0) throw new UsageError(`${option} needs a value`);
      values.set(option, value);
    } else if (word === "--no-mask") flags.push(word);
    else if (word.startsWith("-")) throw new UsageError(`unknown option '${word}'`);
    else names.push(word);
  }
  const [name, unexpected] = names;
  if (name === void 0) throw new UsageError("the name of the token is missing");
  if (unexpected !== void 0) throw new UsageError(`unexpected '${unexpected}': a command follows --`);
  const [file, ...rest] = command;
  if (file === void 0) throw new UsageError("-- and a command are missing");
  const minTtl = values.get("--min-ttl") ?? "5m";
  const minTtlMs = milliseconds(minTtl);
  const passedOn = ["--prefix", "--function", "--profile"].flatMap((option) => {
    const value = values.get(option);
    return value === void 0 ? [] : [option, value];
  });
  return {
    accessTokenArguments: [name, "--min-ttl", minTtl, ...passedOn, ...flags],
    minTtlMs,
    profile: values.get("--profile"),
    genesys: genesysOf(values.get("--genesys-region")),
    command: [file, ...rest]
  };
}
function splitOption(word) {
  const at = word.indexOf("=");
  return word.startsWith("--") && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, void 0];
}
var UNIT_SECONDS = { s: 1, m: 60, h: 3600 };
function milliseconds(text) {
  const [, count, unit = "s"] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  const seconds = Number(count) * UNIT_SECONDS[unit || "s"];
  if (count === void 0) throw new UsageError(`--min-ttl '${text}' is not a duration: 90, 90s, 5m or 2h`);
  if (seconds < 1 || seconds > 172800) throw new UsageError(`--min-ttl '${text}' is not between 1s and 48h`);
  return seconds * 1e3;
}
function genesysOf(region) {
  if (region === void 0) return void 0;
  const domain = Object.hasOwn(GENESYS_DOMAINS, region) ? GENESYS_DOMAINS[region] : void 0;
  if (domain === void 0) {
    const known = Object.keys(GENESYS_DOMAINS).join(", ");
    throw new UsageError(`--genesys-region '${region}' is not a region of Genesys Cloud. Known: ${known}`);
  }
  return { region, domain };
}

// ci/token-endpoint/find-access-token.ts
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
function findAccessToken(program, path) {
  const directories = [dirname(program), dirname(realpathSync(program)), ...(path ?? "").split(delimiter)];
  return directories.filter((directory) => directory !== "").map((directory) => join(directory, "access-token")).find((file) => existsSync(file));
}

// ci/token-endpoint/gateway.ts
import { Agent, request as sendRequest } from "node:https";
import { pipeline } from "node:stream";

// ci/token-endpoint/answer.ts
function answerJson(response, status, body, headers = {}) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    pragma: "no-cache",
    ...headers
  });
  response.end(text);
}
function refuse(request, response, status, code, message, headers = {}) {
  answerJson(response, status, { status, code, message }, { ...headers, connection: "close" });
  response.once("finish", () => request.socket.destroySoon());
}

// ci/token-endpoint/forwarded-headers.ts
var HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
];
var REPLACED = ["host", "authorization", "expect", "content-length"];
function requestHeaders(headers, accessToken) {
  const { "transfer-encoding": encoding, "content-length": length } = headers;
  return {
    ...endToEnd(headers, REPLACED),
    ...encoding !== void 0 && { "transfer-encoding": "chunked" },
    ...encoding === void 0 && length !== void 0 && { "content-length": length[0] },
    authorization: `Bearer ${accessToken}`
  };
}
function responseHeaders(headers, origin) {
  const location = headers.location?.[0];
  const onGateway = location === void 0 ? void 0 : locationOnGateway(location, origin);
  return {
    ...endToEnd(headers, ["location", "alt-svc"]),
    ...onGateway !== void 0 && { location: onGateway }
  };
}
function endToEnd(headers, dropped) {
  const named = (headers.connection ?? []).flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const left = /* @__PURE__ */ new Set([...HOP_BY_HOP, ...dropped, ...named]);
  return Object.fromEntries(
    Object.entries(headers).flatMap(
      ([name, values]) => left.has(name) || values === void 0 ? [] : [[name, values.length === 1 ? values[0] : values]]
    )
  );
}
function locationOnGateway(location, origin) {
  let url;
  try {
    url = new URL(location, origin);
  } catch {
    return void 0;
  }
  if (url.origin !== origin) return void 0;
  return url.pathname.startsWith("/api/v2/") ? url.pathname + url.search : url.href;
}

// ci/token-endpoint/gateway.ts
var IDLE_CONNECTION_MS = 4e3;
var RETRY_AFTER_SECONDS = 10;
function createGateway(options) {
  const { origin, source, issued, env, reason } = options;
  const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, proxyEnv: env });
  const send = (request, response, path, token) => new Promise((resolve, reject) => {
    const headers = requestHeaders(request.headersDistinct, token.accessToken);
    const outgoing = sendRequest(origin, { agent, method: request.method, path, headers });
    outgoing.once("response", resolve);
    outgoing.on("error", (error) => reject(new Unanswered(error, outgoing.reusedSocket)));
    response.once("close", () => outgoing.destroy());
    if (hasBody(request)) request.pipe(outgoing);
    else outgoing.end();
  });
  return {
    async forward(request, response, path) {
      if (!issued.has(bearerOf(request) ?? "")) {
        refuse(
          request,
          response,
          401,
          "bad.credentials",
          "This bearer is not a token of this job. Only tokens that the token endpoint of this job issued are forwarded.",
          { "www-authenticate": 'Bearer realm="token-endpoint"' }
        );
        return;
      }
      if (/^delete$/i.test(request.method ?? "") && /^\/api\/v2\/tokens\/me(?:\?|$)/.test(path)) {
        refuse(
          request,
          response,
          403,
          "not.authorized",
          "Not forwarded: this call would end the token of every job."
        );
        return;
      }
      if ((request.headers["transfer-encoding"] ?? "chunked") !== "chunked") {
        refuse(
          request,
          response,
          501,
          "not.implemented",
          "Not forwarded: the only transfer encoding that is forwarded is chunked."
        );
        return;
      }
      const token = await source.current();
      if (token === void 0) {
        refuse(request, response, 503, "service.unavailable", reason(), {
          "retry-after": String(RETRY_AFTER_SECONDS)
        });
        return;
      }
      const isRepeatable = !hasBody(request) && /^(?:get|head)$/i.test(request.method ?? "");
      try {
        let answer = await send(request, response, path, token).catch((error) => {
          if (!isRepeatable || !error.connectionWasReused) throw error;
          return send(request, response, path, token);
        });
        if (answer.statusCode === 401) {
          source.refuse(token);
          const newer = isRepeatable ? await source.current() : void 0;
          if (newer !== void 0 && newer.accessToken !== token.accessToken) {
            answer.resume();
            answer = await send(request, response, path, newer);
          }
        }
        response.writeHead(answer.statusCode, responseHeaders(answer.headersDistinct, origin));
        pipeline(answer, response, () => void 0);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (!response.headersSent && !response.destroyed) {
          const message = `Genesys Cloud's API gave no answer at ${origin}: ${error.code}`;
          answerJson(response, 502, { status: 502, code: "bad.gateway", message }, { connection: "close" });
        }
      }
    },
    close: () => agent.destroy()
  };
}
function hasBody(request) {
  const { "transfer-encoding": encoding, "content-length": length } = request.headers;
  return encoding !== void 0 || length !== void 0 && Number(length) > 0;
}
var Unanswered = class extends Error {
  code;
  /** An idle connection may have been closed while the call was sent on it. */
  connectionWasReused;
  constructor(error, connectionWasReused) {
    super("no answer");
    this.code = error.code ?? "connection lost";
    this.connectionWasReused = connectionWasReused;
  }
};
function bearerOf(request) {
  const headers = request.headersDistinct.authorization ?? [];
  return headers.length === 1 ? /^bearer +(.+)$/i.exec(headers[0])?.[1] : void 0;
}

// ci/token-endpoint/issued-tokens.ts
import { createHash } from "node:crypto";
function createIssuedTokens() {
  const hashes = /* @__PURE__ */ new Set();
  const hash = (text) => createHash("sha256").update(text).digest("base64");
  return {
    add: (accessToken) => {
      hashes.add(hash(accessToken));
    },
    has: (accessToken) => hashes.has(hash(accessToken))
  };
}

// ci/token-endpoint/job-credentials.ts
import { createHash as createHash2, randomBytes, timingSafeEqual } from "node:crypto";
function createJobCredentials() {
  const clientId = randomBytes(16).toString("hex");
  const clientSecret = randomBytes(32).toString("hex");
  const expected = digest(clientId, clientSecret);
  return {
    clientId,
    clientSecret,
    matches: (id, secret) => timingSafeEqual(digest(id, secret), expected)
  };
}
function digest(clientId, clientSecret) {
  return createHash2("sha256").update(JSON.stringify([clientId, clientSecret])).digest();
}

// ci/token-endpoint/read-token.ts
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
function createTokenReader(options) {
  const { script, args, environments, now: now2, tell: tell2 } = options;
  let inUse = 0;
  return async ({ notVersion } = {}) => {
    const words = [...args, ...notVersion === void 0 ? [] : ["--not-version", String(notVersion)]];
    for (; ; ) {
      const ended = await run(["sh", script, "get", ...words], environments[inUse] ?? {}, tell2);
      if (ended.status !== AWS_REFUSED || inUse + 1 >= environments.length) return readingOf(ended, now2());
      inUse += 1;
    }
  };
}
var AWS_REFUSED = 5;
function run([file, ...args], env, tell2) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let receipt;
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      stdout += chunk;
    });
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (RECEIPT.test(line)) receipt = line;
      tell2(line);
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status: status ?? 1, stdout, receipt }));
  });
}
var RECEIPT = /^token v(\d{1,9}) \S+ expires (\d\d):(\d\d):(\d\d)Z, (.+) left$/;
var ACCESS_TOKEN = /^[\x20-\x7e]+$/;
function readingOf({ status, stdout, receipt }, nowMs) {
  if (status !== 0 && status !== 3) return { status, token: void 0 };
  const accessToken = stdout.replace(/\n$/, "");
  const parts = RECEIPT.exec(receipt ?? "");
  if (parts === null || !ACCESS_TOKEN.test(accessToken)) {
    throw new Error(
      "access-token get printed no token with a receipt: copy access-token and token-endpoint from the same version"
    );
  }
  const [, version, hours, minutes, seconds, left] = parts;
  const timeOfDayMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e3;
  const expiresAtMs = nextTimeOfDay(timeOfDayMs, nowMs + durationMs(left));
  return { status, token: { accessToken, version: Number(version), expiresAtMs } };
}
var DAY_MS = 864e5;
var RECEIPT_SLACK_MS = 3e5;
function nextTimeOfDay(timeOfDayMs, aboutMs) {
  const earliest = aboutMs - RECEIPT_SLACK_MS;
  const candidate = Math.floor(earliest / DAY_MS) * DAY_MS + timeOfDayMs;
  return candidate < earliest ? candidate + DAY_MS : candidate;
}
function durationMs(text) {
  const unitMs = { s: 1e3, min: 6e4, h: 36e5 };
  return [...text.matchAll(/(\d+) (s|min|h)\b/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * unitMs[unit],
    0
  );
}

// ci/token-endpoint/run-command.ts
import { spawn as spawn2 } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
var FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
  "SIGCONT"
];
var SAME_SIGNAL_MS = 200;
var GRACE_MS = 1e4;
var AFTER_KILL_MS = 2e3;
var LOOK_EVERY_MS = 50;
function runCommand([file, ...args], env) {
  return new Promise((resolve, reject) => {
    const passOn = /* @__PURE__ */ new Map();
    for (const signal of FORWARDED) {
      let lastAt = Number.NEGATIVE_INFINITY;
      passOn.set(signal, () => {
        if (performance.now() - lastAt > SAME_SIGNAL_MS) signalGroup(child.pid, signal);
        lastAt = performance.now();
      });
    }
    for (const [signal, listener] of passOn) process.on(signal, listener);
    const child = spawn2(file, args, { env, stdio: "inherit", detached: true });
    const stopPassingOn = () => {
      for (const [signal, listener] of passOn) process.off(signal, listener);
    };
    child.once("error", (error) => {
      stopPassingOn();
      reject(error);
    });
    child.once("exit", async (status, signal) => {
      await endGroup(child.pid);
      stopPassingOn();
      resolve(signal === null ? { status: status ?? 1 } : { signal });
    });
  });
}
function endLike(end) {
  if ("status" in end) {
    process.exitCode = end.status;
    return;
  }
  process.exitCode = 128 + constants.signals[end.signal];
  if (end.signal !== "SIGUSR1") process.kill(process.pid, end.signal);
}
async function endGroup(pid) {
  if (!signalGroup(pid, "SIGTERM")) return;
  signalGroup(pid, "SIGCONT");
  if (await isGone(pid, GRACE_MS)) return;
  signalGroup(pid, "SIGKILL");
  await isGone(pid, AFTER_KILL_MS);
}
async function isGone(pid, withinMs) {
  const until = performance.now() + withinMs;
  while (signalGroup(pid, 0)) {
    if (performance.now() > until) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}
function signalGroup(pid, signal) {
  if (pid === void 0) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

// ci/token-endpoint/server.ts
import { once } from "node:events";
import { createServer } from "node:http";

// ci/token-endpoint/api-path.ts
function apiPath(target) {
  if (!/^\/[!-~]*$/.test(target) || /[\\#]/.test(target)) return void 0;
  const path = target.startsWith("/api/api/v2/") ? target.slice("/api".length) : target;
  if (!path.startsWith("/api/v2/")) return void 0;
  const segments = decoded(path.split("?", 1)[0]).split(/[/\\]/);
  const isDots = (segment) => /^\.{1,2}(?:;|$)/.test(segment);
  return segments.some(isDots) ? void 0 : path;
}
var ENCODED = { "2e": ".", "2f": "/", "3b": ";", "5c": "\\" };
function decoded(path) {
  let text = path;
  while (/%25/.test(text)) text = text.replace(/%25/g, "%");
  return text.replace(/%(2e|2f|3b|5c)/gi, (_whole, code) => ENCODED[code.toLowerCase()]);
}

// ci/token-endpoint/server.ts
var HOST = "127.0.0.1";
var TOKEN_PATHS = ["/oauth/token", "/login/oauth/token"];
async function startLoopbackServer(options) {
  const { answerTokenRequest, gateway } = options;
  let hosts = [];
  const route = async (request, response) => {
    const target = request.url ?? "";
    if (request.headersDistinct.host?.length !== 1 || !hosts.includes(request.headers.host ?? "")) {
      refuse(
        request,
        response,
        421,
        "misdirected.request",
        `This server is ${hosts[0]}; the Host header names another one.`
      );
      return;
    }
    if (!target.startsWith("/")) {
      refuse(
        request,
        response,
        400,
        "bad.request",
        "This server is not a proxy: send a path, not a whole URL."
      );
      return;
    }
    if (TOKEN_PATHS.includes(target.split("?", 1)[0])) {
      await answerTokenRequest(request, response);
      return;
    }
    const path = apiPath(target);
    if (path === void 0 || gateway === void 0) {
      const known = gateway === void 0 ? "/oauth/token" : "/oauth/token and /api/v2/";
      refuse(request, response, 404, "not.found", `This server answers only ${known}, without dot segments.`);
      return;
    }
    await gateway.forward(request, response, path);
  };
  const server = createServer((request, response) => {
    request.on("error", () => response.destroy());
    route(request, response).catch(() => response.destroy());
  });
  server.headersTimeout = 15e3;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address();
  hosts = [`${HOST}:${port}`, `localhost:${port}`];
  return {
    host: HOST,
    port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      gateway?.close();
      await closed;
    }
  };
}

// ci/token-endpoint/token-requests.ts
import { setTimeout as sleep2 } from "node:timers/promises";
var LEAST_EXPIRES_IN = 90;
var LONGEST_BODY = 16384;
var BODY_TIMEOUT_MS = 1e4;
var GATEWAY_WAIT_MS = 1e4;
var RETRY_AFTER_SECONDS2 = 10;
function createTokenRequests(options) {
  const { credentials, source, issued, isGateway, now: now2, reason } = options;
  return async (request, response) => {
    if (request.method !== "POST") {
      refuse(request, response, 405, "method.not.allowed", "A token request is a POST.", { allow: "POST" });
      return;
    }
    const body = await readBody(request);
    if (body === void 0) {
      refuse(
        request,
        response,
        413,
        "request.too.large",
        "This is not a token request: it is too long or too slow."
      );
      return;
    }
    const refusal = judge(request, body, credentials);
    if (refusal !== void 0) {
      const { status, error, description, headers } = refusal;
      answerJson(response, status, { error, error_description: description }, headers);
      return;
    }
    const newest = source.newest();
    const live = await (isGateway ? Promise.race([newest, sleep2(GATEWAY_WAIT_MS, void 0, { ref: false })]) : newest);
    const token = live ?? (isGateway ? source.held : void 0);
    if (token === void 0) {
      const error = { error: "temporarily_unavailable", error_description: reason() };
      answerJson(response, 503, error, { "retry-after": String(RETRY_AFTER_SECONDS2) });
      return;
    }
    const secondsLeft = Math.floor((token.expiresAtMs - now2()) / 1e3);
    issued.add(token.accessToken);
    answerJson(response, 200, {
      access_token: token.accessToken,
      token_type: "Bearer",
      expires_in: isGateway ? Math.max(LEAST_EXPIRES_IN, secondsLeft) : secondsLeft
    });
  };
}
function judge(request, body, credentials) {
  const invalid = (description2) => ({ status: 400, error: "invalid_request", description: description2 });
  const contentType = request.headers["content-type"] ?? "";
  if (!/^application\/x-www-form-urlencoded(?:$|[ ;])/i.test(contentType)) {
    return invalid("The body must be application/x-www-form-urlencoded.");
  }
  const form = new URLSearchParams(body);
  if (new Set(form.keys()).size !== [...form.keys()].length) return invalid("A parameter is repeated.");
  const basic = basicCredentials(request.headers.authorization);
  const clientSecret = form.get("client_secret");
  if (basic !== void 0 && clientSecret !== null) {
    return invalid("The client must authenticate in the header or in the body, not in both.");
  }
  const [id, secret] = basic ?? [form.get("client_id") ?? "", clientSecret ?? ""];
  if (!credentials.matches(id, secret) || (form.get("client_id") ?? id) !== id) {
    return {
      status: 401,
      error: "invalid_client",
      description: "The client must authenticate with OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET of this job.",
      headers: { "www-authenticate": 'Basic realm="token-endpoint"' }
    };
  }
  const grant = form.get("grant_type");
  if (grant === null) return invalid("grant_type is missing.");
  if (grant === "client_credentials") return void 0;
  const description = "The only supported grant_type is client_credentials.";
  return { status: 400, error: "unsupported_grant_type", description };
}
function basicCredentials(header) {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? "")?.[1];
  if (encoded === void 0) return void 0;
  const decoded2 = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded2.indexOf(":");
  return [decoded2.slice(0, Math.max(0, colon)), decoded2.slice(colon + 1)];
}
function readBody(request) {
  return new Promise((resolve) => {
    const chunks = [];
    let length = 0;
    const done = (body) => {
      clearTimeout(timer);
      request.off("data", take);
      resolve(body);
    };
    const take = (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST_BODY) done(void 0);
    };
    const timer = setTimeout(done, BODY_TIMEOUT_MS, void 0);
    request.on("data", take);
    request.once("end", () => done(Buffer.concat(chunks).toString("utf8")));
    request.once("close", () => done(void 0));
  });
}

// ci/token-endpoint/token-source.ts
var PAUSE_MS = 1e4;
var LONGEST_PAUSE_MS = 6e4;
var CALL_MS = 3e4;
var REFUSAL_INTERVAL_MS = 6e4;
function createTokenSource(options) {
  const { read, minTtlMs, now: now2, onError } = options;
  let held = options.first;
  let lastStatus = 0;
  let readAtMs = now2();
  let failures = 0;
  let refusedVersion;
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  let reading;
  const leftMs = () => held.expiresAtMs - now2();
  const isRefused = () => refusedVersion === held.version;
  const live = () => leftMs() > 0 ? held : void 0;
  const pauseMs = () => {
    if (failures > 0) return Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (failures - 1));
    return leftMs() > 0 ? PAUSE_MS : 0;
  };
  const isTooSoon = () => now2() - readAtMs < pauseMs();
  const readOnce = async () => {
    try {
      const { status, token } = await read(isRefused() ? { notVersion: held.version } : {});
      lastStatus = status;
      failures = token === void 0 ? failures + 1 : 0;
      if (token !== void 0) held = token;
    } catch (error) {
      failures += 1;
      onError(error);
    }
    refusedVersion = void 0;
    readAtMs = now2();
  };
  const readAgain = () => {
    reading ??= readOnce().finally(() => {
      reading = void 0;
    });
    return reading;
  };
  return {
    get held() {
      return held;
    },
    get lastStatus() {
      return lastStatus;
    },
    async current() {
      if (leftMs() >= minTtlMs && !isRefused()) return held;
      if (reading === void 0 && isTooSoon() && !isRefused()) return live();
      const newer = readAgain();
      if (isRefused() || leftMs() < CALL_MS) await newer;
      return live();
    },
    async newest() {
      if (reading !== void 0 || isRefused() || !isTooSoon()) await readAgain();
      return live();
    },
    refuse(token) {
      if (token.version !== held.version || now2() - refusedAtMs < REFUSAL_INTERVAL_MS) return;
      refusedVersion = token.version;
      refusedAtMs = now2();
    }
  };
}

// ci/token-endpoint/main.ts
var USAGE_STATUS = 2;
var NOT_EXECUTABLE_STATUS = 126;
var NOT_FOUND_STATUS = 127;
var say = (text) => tell(`token-endpoint: ${text}`);
var tell = (line) => {
  process.stderr.write(`${line}
`);
};
var now = () => Date.now();
async function main() {
  const { env } = process;
  const commandLine = parse(process.argv.slice(2), env);
  if (commandLine === void 0) return;
  const script = findAccessToken(process.argv[1], env.PATH);
  if (script === void 0) {
    say("access-token is neither beside this file nor in PATH: copy it to this directory");
    process.exitCode = USAGE_STATUS;
    return;
  }
  const { accessTokenArguments: args, minTtlMs, profile, genesys, command } = commandLine;
  const session = examineAwsSession({ env, profile, now });
  const read = createTokenReader({ script, args, environments: session.environments, now, tell });
  const { status, token: first } = await read();
  if (first === void 0) {
    say("COMMAND was not run: there is no live token");
    process.exitCode = status === 0 ? 1 : status;
    return;
  }
  const notice = await session.notice;
  if (notice !== void 0) say(notice);
  if (genesys !== void 0 && (env.HTTPS_PROXY || env.https_proxy) && !takesProxies(process.versions.node)) {
    say(
      "this Node.js does not support HTTPS_PROXY: calls go to Genesys Cloud directly. Node.js 22.21 and 24.5 support it"
    );
  }
  const onError = (error) => say(error instanceof Error ? error.message : "access-token failed");
  const source = createTokenSource({ first, read, minTtlMs, now, onError });
  const reason = () => `There is no live token. ${session.endsAtMs !== void 0 && now() >= session.endsAtMs ? "The job's AWS session has ended, so no newer one can be read: request a longer session." : `access-token ended with status ${source.lastStatus}; its messages are in the job's log.`}`;
  const credentials = createJobCredentials();
  const issued = createIssuedTokens();
  const gateway = genesys && createGateway({ origin: `https://api.${genesys.domain}`, source, issued, env, reason });
  const isGateway = gateway !== void 0;
  const answerTokenRequest = createTokenRequests({ credentials, source, issued, isGateway, now, reason });
  const server = await startLoopbackServer({ answerTokenRequest, gateway });
  say(
    `answers on http://${server.host}:${server.port}${isGateway ? ` for https://api.${genesys?.domain}` : ""}`
  );
  const end = await run2(command, commandEnvironment({ env, server, credentials, genesys }));
  await server.close();
  endLike(end);
}
function takesProxies(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 24 || major === 24 && minor >= 5 || major === 22 && minor >= 21;
}
function parse(args, env) {
  try {
    const commandLine = readCommandLine(args);
    if (commandLine === void 0) process.stdout.write(USAGE);
    const region = env.GENESYSCLOUD_REGION;
    if (commandLine?.genesys && region && region !== commandLine.genesys.region) {
      throw new UsageError(
        `--genesys-region is ${commandLine.genesys.region}, but GENESYSCLOUD_REGION is '${region}'`
      );
    }
    return commandLine;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    say("'token-endpoint --help' shows the usage");
    process.exitCode = USAGE_STATUS;
    return void 0;
  }
}
async function run2(command, env) {
  try {
    return await runCommand(command, env);
  } catch (error) {
    const { code } = error;
    say(`${command[0]} cannot be run: ${code}`);
    return { status: code === "ENOENT" ? NOT_FOUND_STATUS : NOT_EXECUTABLE_STATUS };
  }
}
await main().catch((error) => {
  say(error instanceof Error ? error.message : "failed");
  process.exitCode = 1;
});
