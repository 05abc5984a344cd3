#!/usr/bin/env node
// Built from ci/token-endpoint/ by `npm run update`: change it there.
import { createRequire } from "module";
const require = createRequire(import.meta.url);

// ci/token-endpoint/start.ts
var LEAST_NODE = 20;
if (Number.parseInt(process.versions.node, 10) < LEAST_NODE) {
  const text = `this is Node.js ${process.versions.node}; Node.js ${LEAST_NODE} or later is needed. COMMAND was not run`;
  process.stderr.write(`token-endpoint: ${text}
`);
  process.exit(2);
}
process.on("SIGUSR1", () => void 0);
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => void 0);
process.on("uncaughtException", ({ name, code = name }) => {
  process.stderr.write(`token-endpoint: goes on after an error: ${code}
`);
});

// ci/token-endpoint/access-token.ts
const { execFile } = require("child_process");
const { existsSync, realpathSync } = require("fs");
const { delimiter, dirname, join } = require("path");

// ci/token-endpoint/command-line.ts
const { parseArgs } = require("util");

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
var USAGE = `usage: token-endpoint NAME[,NAME...] [--min-ttl 5m] [--genesys-region REGION]
                      [--own-bearer] -- COMMAND

Runs COMMAND, and answers its OAuth2 token requests with the stored token of
NAME on a port of this machine: for a COMMAND that runs longer than any token.
Several tokens: each call is sent with the one that has most requests left.
COMMAND finds OAUTH_TOKEN_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET in its
environment. They are good for this job only.

  --min-ttl TIME           replace a token with less life: 90s, 5m, 2h (5m)
  --genesys-region REGION  forward /api/v2/ to Genesys Cloud too, always with a
                           live token; sets GENESYSCLOUD_GATEWAY_HOST, _PORT,
                           _PROTOCOL and GENESYSCLOUD_OAUTHCLIENT_ID, _SECRET
  --own-bearer             COMMAND gets a bearer of this run instead of the
                           token; the gateway exchanges it in each call
  --prefix PATH, --function NAME, --profile P, --no-mask
                           as for access-token

Needs access-token beside this file or in PATH, and the AWS CLI.
Exit status: COMMAND's. Without a first token COMMAND is not run, and the status
is access-token's: 2 usage; 4 no live token; 5 AWS refused.
`;
function readCommandLine(args, env) {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values, positionals } = parse(args.slice(0, end));
  if (values.help) return void 0;
  const [name, unexpected] = positionals;
  if (name === void 0) throw new UsageError("the name of the token is missing");
  if (unexpected !== void 0) throw new UsageError(`unexpected '${unexpected}': a command follows --`);
  const names = name.split(",");
  if (names.includes("")) throw new UsageError(`'${name}' has an empty name`);
  if (new Set(names).size < names.length) throw new UsageError(`'${name}' has a name twice`);
  const [file, ...rest] = args.slice(end + 1);
  if (file === void 0) throw new UsageError("-- and a command are missing");
  const { "min-ttl": minTtl = "5m", "genesys-region": region, "own-bearer": ownBearer = false } = values;
  if (ownBearer && region === void 0) {
    throw new UsageError("--own-bearer needs --genesys-region: only a gateway can exchange the bearer");
  }
  if (names.length > 1 && values.function !== void 0) {
    throw new UsageError("--function names the refresher of one token, and there are several names");
  }
  const minTtlMs = milliseconds(minTtl);
  const passedOn = ["prefix", "function", "profile"].flatMap((option) => {
    const value = values[option];
    return value === void 0 ? [] : [`--${option}`, value];
  });
  const flags = values["no-mask"] ? ["--no-mask"] : [];
  const command = [file, ...rest];
  return {
    /** The tokens' names. */
    names,
    /** Options for `access-token get`. */
    accessTokenOptions: ["--min-ttl", minTtl, ...passedOn, ...flags],
    /** The remaining life below which a newer token is requested, in milliseconds. */
    minTtlMs,
    /** Whether COMMAND gets a bearer of this run, which the gateway exchanges, in place of the stored token. */
    ownBearer,
    /** Profile for the AWS CLI; undefined: the environment's. */
    profile: values.profile,
    /** Genesys Cloud's region and its domain: also run a gateway to `https://api.{domain}`. */
    genesys: region === void 0 ? void 0 : genesysOf(region, env.GENESYSCLOUD_REGION),
    command
  };
}
function parse(args) {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        "min-ttl": text,
        "genesys-region": text,
        prefix: text,
        function: text,
        profile: text,
        "no-mask": flag,
        "own-bearer": flag,
        help: { ...flag, short: "h" }
      }
    });
  } catch (error) {
    throw new UsageError(error.message.replace(/\.\s.*/s, ""));
  }
}
var UNIT_SECONDS = { s: 1, m: 60, h: 3600 };
function milliseconds(text) {
  var _a;
  const [, count, unit = "s"] = (_a = /^(\d{1,6})([smh]?)$/.exec(text)) != null ? _a : [];
  const seconds = Number(count) * UNIT_SECONDS[unit || "s"];
  if (count === void 0) throw new UsageError(`--min-ttl '${text}' is not a duration: 90, 90s, 5m or 2h`);
  if (seconds < 1 || seconds > 172800) throw new UsageError(`--min-ttl '${text}' is not between 1s and 48h`);
  return seconds * 1e3;
}
function genesysOf(region, regionOfJob = region) {
  const domain = Object.hasOwn(GENESYS_DOMAINS, region) ? GENESYS_DOMAINS[region] : void 0;
  if (domain === void 0) {
    const known = Object.keys(GENESYS_DOMAINS).join(", ");
    throw new UsageError(`--genesys-region '${region}' is not a region of Genesys Cloud. Known: ${known}`);
  }
  if (regionOfJob !== region) {
    throw new UsageError(`--genesys-region is ${region}, but GENESYSCLOUD_REGION is '${regionOfJob}'`);
  }
  return { region, domain };
}

// ci/token-endpoint/access-token.ts
var MISUSED = 2;
var LITTLE_LIFE = 3;
var NOT_READ = 5;
var REFUSED = /^\{"error":"refused"\}$/m;
var ACCESS_TOKEN = /^[\x20-\x7e]+$/;
function findAccessToken(program, path = "") {
  const script = [dirname(program), dirname(realpathSync(program)), ...path.split(delimiter)].filter((directory) => directory !== "").map((directory) => join(directory, "access-token")).find((file) => existsSync(file));
  if (script !== void 0) return script;
  throw new UsageError("access-token is neither beside this file nor in PATH: copy it to this directory");
}
function createTokenReader(options) {
  const { script, args, environments, tell: tell2, onFailure } = options;
  let inUse = 0;
  return async ({ notVersion } = {}) => {
    var _a;
    const refused = notVersion === void 0 ? [] : ["--not-version", String(notVersion)];
    for (; ; ) {
      const words = [script, "get", ...args, "--json", ...refused];
      const { status, stdout, stderr } = await run(words, (_a = environments[inUse]) != null ? _a : {});
      tell2(stderr);
      if (status === 0 || status === LITTLE_LIFE) return tokenOf(stdout, script);
      if (status === MISUSED && stderr.includes("--json")) throw otherVersion(script);
      const isRefused = status === NOT_READ && REFUSED.test(stdout);
      if (!isRefused || inUse + 1 === environments.length) {
        onFailure(status);
        return void 0;
      }
      inUse += 1;
    }
  };
}
function tokenOf(line, script) {
  try {
    const { token, version, expiresAtEpoch } = JSON.parse(line);
    if (ACCESS_TOKEN.test(token) && Number.isInteger(version) && Number.isInteger(expiresAtEpoch)) {
      return { accessToken: token, version, expiresAtMs: expiresAtEpoch * 1e3 };
    }
  } catch {
  }
  throw otherVersion(script);
}
function otherVersion(script) {
  return new UsageError(
    `${script} is older than this token-endpoint: copy ci/access-token of the same version to its place`
  );
}
function run(words, env) {
  return new Promise((resolve) => {
    execFile("sh", words, { env }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      resolve({ status: typeof status === "number" ? status : 1, stdout, stderr });
    });
  });
}

// ci/token-endpoint/aws-session.ts
const { execFile: execFile2 } = require("child_process");
async function examineAwsSession(options) {
  const { env, profile, now: now2 } = options;
  const {
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: _,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CREDENTIAL_EXPIRATION: expiration,
    ...withoutSession
  } = env;
  const environments = [env];
  const renewable = renewableSource(env);
  if (profile !== void 0 || !accessKey) {
    const endsAtMs2 = profile === void 0 && renewable ? void 0 : await endOfProfile(env, profile);
    if (endsAtMs2 === void 0) return { environments };
    const consequence = "the AWS CLI takes a new one if the profile or the machine's role provides it";
    return {
      environments,
      notice: `the job's AWS session ends ${timeText(endsAtMs2, now2())}; ${consequence}`
    };
  }
  if (!sessionToken) return { environments };
  const endsAtMs = readTime(expiration);
  const end = endsAtMs === void 0 ? "at an unknown time" : timeText(endsAtMs, now2());
  if (renewable === void 0) {
    const consequence = "and cannot be renewed here: after that, no newer token can be read";
    const notice = `the job's AWS session ends ${end} ${consequence}. If COMMAND runs longer, request a longer session`;
    return { environments, endsAtMs, notice };
  }
  return {
    environments: [env, withoutSession],
    notice: `the job's AWS session ends ${end}; after that, the job's ${renewable} is used`
  };
}
function renewableSource(env) {
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) return "web identity";
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    return "container's role";
  }
  return void 0;
}
function endOfProfile(env, profile) {
  const words = ["configure", "export-credentials", "--format", "process"];
  if (profile !== void 0) words.push("--profile", profile);
  return new Promise((resolve) => {
    execFile2(
      "aws",
      words,
      { env, timeout: 1e4 },
      (_error, stdout) => {
        var _a;
        return resolve(readTime((_a = /"Expiration": *"([^"]*)"/.exec(stdout)) == null ? void 0 : _a[1]));
      }
    );
  });
}
function readTime(text) {
  const time = Date.parse(text != null ? text : "");
  return Number.isNaN(time) ? void 0 : time;
}
function timeText(timeMs, nowMs) {
  const minutes = Math.max(0, Math.floor((timeMs - nowMs) / 6e4));
  const left = minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `at ${new Date(timeMs).toISOString().slice(11, 19)}Z (in ${left})`;
}

// ci/token-endpoint/environments.ts
var REVEALING = /^NODE_(?:DEBUG|DEBUG_NATIVE|V8_COVERAGE|INSPECT.*)$/;
var HARMLESS = /^(?:-r|--(?:require|import|(?:experimental-)?loader|(?:use|openssl|tls-m(?:in|ax)|no|disable)-[a-z\d.-]+|(?:enable|force)-fips|tls-cipher-list|dns-result-order|network-family-[a-z-]+|max-(?:http-header|old-space|semi-space)-size))$/;
var DROPPED = "TOKEN_ENDPOINT_DROPPED";
function separateEnvironments({ [DROPPED]: carried = "{}", ...env }) {
  const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, kept(name, value)]));
  const dropped = Object.entries(env).filter(([name, value]) => own[name] !== value);
  return {
    job: { ...env, ...JSON.parse(carried) },
    restart: dropped.length === 0 ? void 0 : { ...own, [DROPPED]: JSON.stringify(Object.fromEntries(dropped)) }
  };
}
function kept(name, value = "") {
  var _a;
  if (name !== "NODE_OPTIONS") return REVEALING.test(name) ? "" : value;
  let isKept = false;
  const words = (_a = value.match(/(?:"(?:\\.|[^"\\])*"|[^ "])+/g)) != null ? _a : [];
  return words.filter((word) => {
    const [option = ""] = word.replaceAll('"', "").split("=");
    if (option.startsWith("-")) isKept = HARMLESS.test(option.replaceAll("_", "-"));
    return isKept;
  }).join(" ");
}
var LOOK_EVERY_MS = 500;
async function keepDebuggerClosed() {
  if (!process.features.inspector || process.execArgv.some((option) => option.startsWith("--inspect")))
    return;
  const { url, close } = await import("inspector");
  const look = () => {
    if (url() !== void 0) close();
  };
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
}
function commandEnvironment(env, { host, port }, { clientId, clientSecret }, genesys) {
  const { GENESYSCLOUD_ACCESS_TOKEN: dropped, ...withoutToken } = env;
  return {
    // Clients prefer a token in the environment to client id and secret, and would bypass the gateway.
    ...genesys === void 0 ? env : withoutToken,
    ...withoutProxyFor(host, env),
    OAUTH_TOKEN_URL: `http://${host}:${port}/oauth/token`,
    OAUTH_CLIENT_ID: clientId,
    OAUTH_CLIENT_SECRET: clientSecret,
    ...genesys !== void 0 && {
      GENESYSCLOUD_REGION: genesys.region,
      GENESYSCLOUD_OAUTHCLIENT_ID: clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: clientSecret,
      GENESYSCLOUD_GATEWAY_HOST: host,
      GENESYSCLOUD_GATEWAY_PORT: String(port),
      GENESYSCLOUD_GATEWAY_PROTOCOL: "http"
    }
  };
}
function withoutProxyFor(host, env) {
  if (!(env.HTTP_PROXY || env.http_proxy || env.ALL_PROXY || env.all_proxy)) return {};
  const withHost = (hosts = "") => hosts.trim() === "*" ? hosts : [hosts, host].filter((text) => text !== "").join(",");
  const { NO_PROXY: upper, no_proxy: lower } = env;
  return { NO_PROXY: withHost(upper != null ? upper : lower), no_proxy: withHost(lower != null ? lower : upper) };
}

// ci/token-endpoint/gateway.ts
const { Agent, request: sendRequest } = require("https");
const { pipeline } = require("stream");

// ci/token-endpoint/forwarded-call.ts
function apiPath(target) {
  if (!/^\/[!-~]*$/.test(target) || /[\\#]/.test(target)) return void 0;
  const path = target.startsWith("/api/api/v2/") ? target.slice("/api".length) : target;
  if (!path.startsWith("/api/v2/")) return void 0;
  const segments = segmentsOf(path);
  const isDots = (segment) => /^\s*[.\u3002][.\u3002\s]*$/.test(segment);
  return segments === void 0 || segments.some(isDots) ? void 0 : path;
}
function segmentsOf(path) {
  let text;
  try {
    text = decodeURIComponent(path.split("?", 1)[0]);
  } catch {
    return void 0;
  }
  text = text.normalize("NFKD").replace(new RegExp("\\p{Cf}", "gu"), "");
  if (new RegExp("%[0-9a-f]{2}|\\p{Cc}", "iu").test(text)) return void 0;
  return text.split(/[/\\\u2044\u2215\u29f8]/).map((segment) => segment.replace(/;.*/, ""));
}
var OTHER_TOKENS = /^(?:timeout|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
function endsToken(method, path) {
  var _a;
  const query = new URLSearchParams(path.replace(/^[^?]*/, "").replaceAll(";", "&"));
  if (/^(?:get|head)$/i.test(method) && ![...query.keys()].some((name) => /method/i.test(name))) return false;
  const names = ((_a = segmentsOf(path)) != null ? _a : []).map((segment) => segment.toLowerCase().replace(/[^a-z0-9-]/g, "")).filter((name) => name !== "");
  const [, , first, second = ""] = names;
  return first === "tokens" && !OTHER_TOKENS.test(second) || names.join("/").includes("/tokens/me");
}
var HOP_BY_HOP = /^(?:connection|keep-alive|proxy-(?:auth|conn).*|te|trailer|transfer-encoding|upgrade)$/;
var OVERRIDING = /method|override|^x[-_].*(?:original|rewrite|forwarded|replaced|ur[il]$|path)/;
function requestHeaders(headers, accessToken) {
  const { "transfer-encoding": encoding, "content-length": length } = headers;
  return {
    ...endToEnd(headers, ["host", "authorization", "expect", "content-length"]),
    ...encoding !== void 0 && { "transfer-encoding": "chunked" },
    ...encoding === void 0 && length !== void 0 && { "content-length": length[0] },
    authorization: `Bearer ${accessToken}`
  };
}
function responseHeaders(headers, origin) {
  var _a;
  const location = (_a = headers.location) == null ? void 0 : _a[0];
  const onGateway = location === void 0 ? void 0 : locationOnGateway(location, origin);
  return {
    ...endToEnd(headers, ["location", "alt-svc"]),
    ...onGateway !== void 0 && { location: onGateway }
  };
}
function endToEnd(headers, dropped) {
  var _a;
  const named = ((_a = headers.connection) != null ? _a : []).flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const left = /* @__PURE__ */ new Set([...dropped, ...named]);
  return Object.fromEntries(
    Object.entries(headers).flatMap(
      ([name, values]) => left.has(name) || HOP_BY_HOP.test(name) || OVERRIDING.test(name) || values === void 0 ? [] : [[name, values.length === 1 ? values[0] : values]]
    )
  );
}
function locationOnGateway(location, origin) {
  if (!URL.canParse(location, origin)) return void 0;
  const url = new URL(location, origin);
  if (url.origin !== origin) return void 0;
  return url.pathname.startsWith("/api/v2/") ? url.pathname + url.search : url.href;
}

// ci/token-endpoint/refusal.ts
var Refusal = class extends Error {
  status;
  body;
  headers;
  constructor(status, body, headers = {}) {
    super("refused");
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
};
function apiRefusal(status, code, message, headers) {
  return new Refusal(status, { status, code, message }, headers);
}

// ci/token-endpoint/gateway.ts
var IDLE_CONNECTION_MS = 4e3;
function createGateway(options) {
  const { origin, pool, credentials, env } = options;
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_CONNECTION_MS,
    proxyEnv: env,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: the token is sent to this host.
    rejectUnauthorized: true
  });
  const send = (call, accessToken, isRepeatable = call.isRepeatable) => new Promise((resolve, reject) => {
    const { request, response, path } = call;
    const fail = (code) => {
      const message = `Genesys Cloud's API gave no answer at ${origin}: ${code}`;
      reject(apiRefusal(502, "bad.gateway", message));
    };
    if (response.destroyed) return fail("aborted");
    const headers = requestHeaders(request.headersDistinct, accessToken);
    const outgoing = sendRequest(origin, { agent, method: request.method, path, headers });
    const refuseProtocol = ({ socket }) => {
      socket.destroy();
      fail("it changed the protocol");
    };
    outgoing.once("upgrade", refuseProtocol);
    outgoing.once("response", (answer) => {
      if (answer.statusCode === 101) refuseProtocol(answer);
      else resolve(answer);
    });
    outgoing.on("error", ({ code = "connection lost" }) => {
      if (isRepeatable && outgoing.reusedSocket) resolve(send(call, accessToken, false));
      else fail(code);
    });
    response.once("close", () => outgoing.destroy());
    if (hasBody(request)) request.pipe(outgoing);
    else outgoing.end();
  });
  const exchange = async (call, lease) => {
    const { token, source } = lease;
    let answer;
    try {
      answer = await send(call, token.accessToken);
      if (answer.statusCode === 401) {
        source.refuse(token);
        const newer = call.isRepeatable ? await source.current() : void 0;
        if (newer !== void 0 && newer.accessToken !== token.accessToken) {
          answer.resume();
          answer = await send(call, newer.accessToken);
        }
      }
      return answer;
    } finally {
      lease.answered(answer);
    }
  };
  return async (request, response, path, trust) => {
    var _a, _b;
    const { method = "" } = request;
    if (!credentials.isIssued((_a = bearerOf(request)) != null ? _a : "")) {
      const message = "This bearer is not a token of this job. Only tokens that the token endpoint of this job issued are forwarded.";
      const headers = { "www-authenticate": 'Bearer realm="token-endpoint"' };
      throw apiRefusal(401, "bad.credentials", message, headers);
    }
    trust();
    if (endsToken(method, path)) {
      const message = "Not forwarded: this call could end the token of every job.";
      throw apiRefusal(403, "not.authorized", message);
    }
    if (((_b = request.headers["transfer-encoding"]) != null ? _b : "chunked").toLowerCase() !== "chunked") {
      const message = "Not forwarded: the only transfer encoding that is forwarded is chunked.";
      throw apiRefusal(501, "not.implemented", message);
    }
    const isRepeatable = !hasBody(request) && /^(?:get|head)$/i.test(method);
    const call = { request, response, path, isRepeatable };
    for (; ; ) {
      const lease = await pool.take();
      const answer = await exchange(call, lease);
      if (isRepeatable && answer.statusCode === 429 && lease.isWorseThanOthers()) answer.resume();
      else {
        response.writeHead(answer.statusCode, responseHeaders(answer.headersDistinct, origin));
        pipeline(answer, response, () => void 0);
        return;
      }
    }
  };
}
function hasBody(request) {
  const { "transfer-encoding": encoding, "content-length": length } = request.headers;
  return encoding !== void 0 || length !== void 0 && Number(length) > 0;
}
function bearerOf(request) {
  var _a, _b;
  const headers = (_a = request.headersDistinct.authorization) != null ? _a : [];
  return headers.length === 1 ? (_b = /^bearer +(.+)$/i.exec(headers[0])) == null ? void 0 : _b[1] : void 0;
}

// ci/token-endpoint/job-credentials.ts
const { createHash, randomBytes, timingSafeEqual } = require("crypto");
function createJobCredentials({ ownBearer }) {
  const clientId = randomBytes(16).toString("hex");
  const clientSecret = randomBytes(32).toString("hex");
  const bearer = ownBearer ? randomBytes(32).toString("hex") : void 0;
  const expected = digest(clientId, clientSecret);
  const issued = /* @__PURE__ */ new Set();
  return {
    clientId,
    clientSecret,
    /** Tells whether both are this job's, in constant time. */
    matches: (id, secret) => timingSafeEqual(digest(id, secret), expected),
    /** Records what the job gets for a token, and returns it: the token itself, or the bearer of this run. */
    issue: (accessToken) => {
      const given = bearer != null ? bearer : accessToken;
      issued.add(digest(given).toString("base64"));
      return given;
    },
    /** Tells whether the job got this bearer here. The gateway forwards no others. */
    isIssued: (accessToken) => issued.has(digest(accessToken).toString("base64"))
  };
}
function digest(...texts) {
  return createHash("sha256").update(JSON.stringify(texts)).digest();
}

// ci/token-endpoint/run-command.ts
const { spawn } = require("child_process");
const { once } = require("events");
const { readdirSync, readFileSync } = require("fs");
const { constants } = require("os");
const { setTimeout: sleep } = require("timers/promises");
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
var LOOK_EVERY_MS2 = 50;
async function runCommand([file, ...args], env, listener) {
  const watchdog = startWatchdog(listener);
  const lastAt = /* @__PURE__ */ new Map();
  const passOn = (signal) => {
    var _a;
    const at = performance.now();
    const isAnother = at - ((_a = lastAt.get(signal)) != null ? _a : Number.NEGATIVE_INFINITY) > SAME_SIGNAL_MS;
    if (child.pid !== void 0 && isAnother) signalGroup(child.pid, signal);
    lastAt.set(signal, at);
  };
  for (const signal of FORWARDED) process.on(signal, passOn);
  const child = spawn(file, args, { env, stdio: "inherit", detached: true });
  try {
    if (child.pid !== void 0) watchdog.watch(child.pid);
    const [status, signal] = await once(child, "exit");
    await endGroup(child.pid);
    return signal === null ? { status } : { signal };
  } finally {
    for (const signal of FORWARDED) process.off(signal, passOn);
    await watchdog.stop();
  }
}
function endLike(end) {
  if ("status" in end) {
    process.exitCode = end.status;
    return;
  }
  process.exitCode = 128 + constants.signals[end.signal];
  if (end.signal !== "SIGUSR1") process.kill(process.pid, end.signal);
}
var WATCHDOG = 'read -r group && { read -r _; kill -KILL "-$group"; }';
function startWatchdog(listener) {
  const shell = spawn("sh", ["-c", WATCHDOG], {
    detached: true,
    // Nothing with which a shell begins otherwise, such as exported functions.
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "ignore", "ignore", listener != null ? listener : "ignore"]
  });
  shell.once("error", () => void 0).unref();
  const input = shell.stdin;
  input == null ? void 0 : input.on("error", () => void 0).unref();
  return {
    watch: (group) => input == null ? void 0 : input.write(`${group}
`),
    async stop() {
      shell.ref();
      if (shell.kill("SIGKILL")) await once(shell, "exit");
    }
  };
}
async function endGroup(group) {
  signalGroup(group, "SIGTERM");
  signalGroup(group, "SIGCONT");
  await untilDead(group, GRACE_MS);
  signalGroup(group, "SIGKILL");
  await untilDead(group, AFTER_KILL_MS);
}
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}
async function untilDead(group, withinMs) {
  const until = performance.now() + withinMs;
  while (isAlive(group) && performance.now() < until) await sleep(LOOK_EVERY_MS2);
}
function isAlive(group) {
  if (!signalGroup(group, 0)) return false;
  try {
    return readdirSync("/proc").some((pid) => runsIn(group, pid));
  } catch {
    return true;
  }
}
function runsIn(group, pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state = "", , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(itsGroup) === group && !"ZX".includes(state);
  } catch {
    return false;
  }
}

// ci/token-endpoint/server.ts
const { once: once2 } = require("events");
const { existsSync: existsSync2, readFileSync: readFileSync2 } = require("fs");
const { createServer } = require("http");
var HOST = "127.0.0.1";
var MOST_CONNECTIONS = Math.min(1024, Math.floor(descriptorLimit() / 4));
var HEAD_TIMEOUT_MS = 5e3;
var CHECK_EVERY_MS = 1e3;
var TOKEN_PATHS = ["/oauth/token", "/login/oauth/token"];
async function startLoopbackServer(answerTokenRequest, forwardCall) {
  var _a;
  const route = async (request, response) => {
    var _a2, _b, _c;
    const target = (_a2 = request.url) != null ? _a2 : "";
    const hosts = [HOST, "localhost"].map((name) => `${name}:${request.socket.localPort}`);
    if (((_b = request.headersDistinct.host) == null ? void 0 : _b.length) !== 1 || !hosts.includes((_c = request.headers.host) != null ? _c : "")) {
      const message = `This server is ${hosts[0]}; the Host header names another one.`;
      throw apiRefusal(421, "misdirected.request", message);
    }
    if (!target.startsWith("/")) {
      throw apiRefusal(400, "bad.request", "This server is not a proxy: send a path, not a whole URL.");
    }
    if (TOKEN_PATHS.includes(target.split("?", 1)[0])) {
      return answerJson(response, 200, await answerTokenRequest(request, () => trust(request.socket)));
    }
    const path = apiPath(target);
    if (path === void 0 || forwardCall === void 0) {
      const known = forwardCall === void 0 ? "/oauth/token" : "/oauth/token and /api/v2/";
      throw apiRefusal(404, "not.found", `This server answers only ${known}, and only a plain path.`);
    }
    return forwardCall(request, response, path, () => trust(request.socket));
  };
  const server = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS }, (request, response) => {
    request.on("error", () => response.destroy());
    response.on("error", () => void 0);
    route(request, response).catch((error) => {
      if (!(error instanceof Refusal)) return response.destroy();
      response.once("finish", () => request.socket.destroySoon());
      return answerJson(response, error.status, error.body, { ...error.headers, connection: "close" });
    });
  });
  const trust = limitConnections(server, MOST_CONNECTIONS);
  server.headersTimeout = HEAD_TIMEOUT_MS;
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, HOST);
  await once2(server, "listening");
  server.on("error", () => void 0);
  const { port } = server.address();
  return {
    host: HOST,
    port,
    /** Descriptor of the socket that listens: Node.js has no public name for it. */
    descriptor: (_a = server._handle) == null ? void 0 : _a.fd,
    async close() {
      const closed = once2(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    }
  };
}
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
function limitConnections(server, most) {
  const unproven = /* @__PURE__ */ new Set();
  let open = 0;
  server.on("connection", (socket) => {
    open += 1;
    unproven.add(socket);
    socket.once("close", () => {
      open -= 1;
      unproven.delete(socket);
    });
    if (open <= most) return;
    const [oldest = socket] = unproven;
    oldest.destroy();
  });
  return (socket) => {
    unproven.delete(socket);
  };
}
function descriptorLimit() {
  var _a, _b;
  const limits = existsSync2("/proc/self/limits") ? readFileSync2("/proc/self/limits", "latin1") : "";
  return Number((_b = (_a = /^Max open files +(\d+)/m.exec(limits)) == null ? void 0 : _a[1]) != null ? _b : 1024);
}

// ci/token-endpoint/token-pool.ts
const { setTimeout: sleep2 } = require("timers/promises");

// ci/token-endpoint/rate-limit.ts
var USUAL_ALLOWED = 300;
var INACCURACY_MS = 2e3;
var LONGEST_RESET_SECONDS = 120;
var RateLimit = class {
  allowed = USUAL_ALLOWED;
  resetAtMs = Number.NEGATIVE_INFINITY;
  /** Calls without an answer: the count of an answer may not have them yet. */
  onTheWay = 0;
  known = 0;
  now;
  constructor(now2) {
    this.now = now2;
  }
  /** How many calls may be sent; 0 or less: the minute is used up. */
  left() {
    const afterReset = this.now() - this.resetAtMs;
    if (afterReset > INACCURACY_MS) return this.allowed - this.onTheWay;
    if (afterReset >= 0) return 0.5;
    return this.allowed - this.known - this.onTheWay;
  }
  /** Records the answer to a call that was on the way; undefined: it got none. */
  answered(answer) {
    this.onTheWay -= 1;
    const { headers = {}, statusCode } = answer != null ? answer : {};
    const number = (name) => Number.parseInt(String(headers[name]), 10);
    const [count, allowed] = [number("inin-ratelimit-count"), number("inin-ratelimit-allowed")];
    if (count >= 0 && allowed > 0) this.learn(count, allowed, number("inin-ratelimit-reset"));
    else if (statusCode === 429) this.learn(this.allowed, this.allowed, number("retry-after"));
  }
  learn(count, allowed, resetSeconds) {
    const resetAtMs = this.now() + Math.min(resetSeconds, LONGEST_RESET_SECONDS) * 1e3;
    if (!(resetAtMs >= this.resetAtMs - INACCURACY_MS)) return;
    const isSameMinute = resetAtMs <= this.resetAtMs + INACCURACY_MS;
    this.known = isSameMinute ? Math.max(this.known, count) : count;
    this.resetAtMs = isSameMinute ? Math.min(this.resetAtMs, resetAtMs) : resetAtMs;
    this.allowed = allowed;
  }
};

// ci/token-endpoint/token-pool.ts
var LOOK_EVERY_MS3 = 20;
function createTokenPool(sources, now2, reason) {
  const members = sources.map(({ name, source }) => ({
    name,
    source,
    version: source.held.version,
    limit: new RateLimit(now2),
    calls: 0,
    leastLeft: Number.POSITIVE_INFINITY
  }));
  let turn = 0;
  const leftOf = ({ limit }) => members.length === 1 ? Number.POSITIVE_INFINITY : limit.left();
  const best = (among) => [...among].sort((a, b) => b.limit.left() - a.limit.left() || a.calls - b.calls)[0];
  const lease = (member, token) => {
    if (token.version !== member.version) {
      Object.assign(member, { version: token.version, limit: new RateLimit(now2) });
    }
    const { limit, source } = member;
    limit.onTheWay += 1;
    member.calls += 1;
    return {
      token,
      source,
      /** Reports the answer to the call; undefined: it got none. */
      answered(answer) {
        limit.answered(answer);
        const left = limit.left() + limit.onTheWay;
        if (limit.resetAtMs > now2()) member.leastLeft = Math.min(member.leastLeft, Math.max(0, left));
      },
      /** Tells whether the token's minute is used up, and another token has something left for certain. */
      isWorseThanOthers: () => limit.left() < 1 && members.some((one) => one.limit.left() >= 1)
    };
  };
  return {
    /** The sources for a token request, each first in its turn. */
    inTurn() {
      const first = turn % members.length;
      turn += 1;
      return [...members.slice(first), ...members.slice(0, first)].map(({ source }) => source);
    },
    /**
     * Takes the token that has most left. Waits where only the answers to calls on the way can tell whether one has.
     *
     * @throws Refusal if none is live, or all are used up
     */
    async take() {
      const live = new Set(members);
      for (let member = best(live); member !== void 0; member = best(live)) {
        if (leftOf(member) > 0) {
          const token = await member.source.current();
          if (token === void 0) live.delete(member);
          else if (leftOf(member) > 0) return lease(member, token);
          continue;
        }
        const limits = [...live].map(({ limit }) => limit);
        if (limits.every(({ onTheWay }) => onTheWay === 0)) {
          const resetAtMs = Math.min(...limits.map((limit) => limit.resetAtMs));
          const seconds = String(Math.max(1, Math.ceil((resetAtMs - now2()) / 1e3)));
          const message = `All tokens of this job are used up for this minute. Retry the request in [${seconds}] seconds`;
          throw apiRefusal(429, "too.many.requests", message, { "retry-after": seconds });
        }
        await sleep2(LOOK_EVERY_MS3);
      }
      throw apiRefusal(503, "service.unavailable", reason(), { "retry-after": "10" });
    },
    /** The calls with each token, for the job's log; undefined: there were none. */
    report() {
      const used = members.filter(({ calls: calls2 }) => calls2 > 0);
      if (used.length === 0) return void 0;
      const calls = members.map((member) => `${member.name} ${member.calls}`).join(", ");
      const least = used.toSorted((a, b) => a.leastLeft - b.leastLeft)[0];
      const left = Number.isFinite(least.leastLeft) ? `; the least left of ${least.limit.allowed} a minute: ${least.leastLeft} (${least.name})` : "";
      return `calls per token: ${calls}${left}`;
    }
  };
}

// ci/token-endpoint/token-requests.ts
const { setTimeout: sleep3 } = require("timers/promises");
var LEAST_EXPIRES_IN = 90;
var LONGEST_BODY = 16384;
var GATEWAY_WAIT_MS = 1e4;
function createTokenRequests(options) {
  const { credentials, pool, isGateway, now: now2, reason } = options;
  return async (request, trust) => {
    var _a;
    if (request.method !== "POST") {
      throw apiRefusal(405, "method.not.allowed", "A token request is a POST.", { allow: "POST" });
    }
    check(request, await readBody(request), credentials);
    trust();
    const sources = pool.inTurn();
    const newest = newestOf(sources);
    const live = await (isGateway ? Promise.race([newest, sleep3(GATEWAY_WAIT_MS, void 0, { ref: false })]) : newest);
    const token = live != null ? live : isGateway ? (_a = sources[0]) == null ? void 0 : _a.held : void 0;
    if (token === void 0) {
      throw oauthError(503, "temporarily_unavailable", reason(), { "retry-after": "10" });
    }
    const secondsLeft = Math.floor((token.expiresAtMs - now2()) / 1e3);
    return {
      access_token: credentials.issue(token.accessToken),
      token_type: "Bearer",
      expires_in: isGateway ? Math.max(LEAST_EXPIRES_IN, secondsLeft) : secondsLeft
    };
  };
}
async function newestOf(sources) {
  for (const source of sources) {
    const token = await source.newest();
    if (token !== void 0) return token;
  }
  return void 0;
}
function oauthError(status, error, description, headers) {
  return new Refusal(status, { error, error_description: description }, headers);
}
function check(request, body, credentials) {
  var _a, _b, _c;
  const invalid = (description) => oauthError(400, "invalid_request", description);
  const contentType = (_a = request.headers["content-type"]) != null ? _a : "";
  if (!/^application\/x-www-form-urlencoded(?:$|[ ;])/i.test(contentType)) {
    throw invalid("The body must be application/x-www-form-urlencoded.");
  }
  const form = new URLSearchParams(body);
  if (new Set(form.keys()).size !== form.size) throw invalid("A parameter is repeated.");
  const basic = basicCredentials(request.headers.authorization);
  const clientSecret = form.get("client_secret");
  if (basic !== void 0 && clientSecret !== null) {
    throw invalid("The client must authenticate in the header or in the body, not in both.");
  }
  const [id, secret] = basic != null ? basic : [(_b = form.get("client_id")) != null ? _b : "", clientSecret != null ? clientSecret : ""];
  if (!credentials.matches(id, secret) || ((_c = form.get("client_id")) != null ? _c : id) !== id) {
    const description = "The client must authenticate with OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET of this job.";
    const headers = { "www-authenticate": 'Basic realm="token-endpoint"' };
    throw oauthError(401, "invalid_client", description, headers);
  }
  const grant = form.get("grant_type");
  if (grant === null) throw invalid("grant_type is missing.");
  if (grant !== "client_credentials") {
    const description = "The only supported grant_type is client_credentials.";
    throw oauthError(400, "unsupported_grant_type", description);
  }
}
function basicCredentials(header) {
  var _a;
  const encoded = (_a = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header != null ? header : "")) == null ? void 0 : _a[1];
  if (encoded === void 0) return void 0;
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return [decoded.slice(0, Math.max(0, colon)), decoded.slice(colon + 1)];
}
async function readBody(request) {
  let body = "";
  for await (const text of request.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    body += text;
    if (body.length > LONGEST_BODY) {
      throw apiRefusal(413, "request.too.large", "This is not a token request: it is too long.");
    }
  }
  return body;
}

// ci/token-endpoint/token-source.ts
var PAUSE_MS = 1e4;
var CALL_MS = 3e4;
var REFUSAL_INTERVAL_MS = 6e4;
function createTokenSource(options) {
  const { read, minTtlMs, now: now2, onError } = options;
  let held = options.first;
  let readAtMs = now2();
  let refusedVersion;
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  let reading;
  const leftMs = () => held.expiresAtMs - now2();
  const isRefused = () => refusedVersion === held.version;
  const live = () => leftMs() > 0 ? held : void 0;
  const isTooSoon = () => now2() - readAtMs < PAUSE_MS;
  const readOnce = async () => {
    var _a;
    try {
      held = (_a = await read(isRefused() ? { notVersion: held.version } : {})) != null ? _a : held;
    } catch (error) {
      onError(error);
    }
    refusedVersion = void 0;
    readAtMs = now2();
  };
  const readAgain = () => {
    reading != null ? reading : reading = readOnce().finally(() => {
      reading = void 0;
    });
    return reading;
  };
  return {
    /** The token that is held, live or expired. */
    get held() {
      return held;
    },
    /** The token for a forwarded call. Waits for a read only if the held token is of no use. */
    async current() {
      if (leftMs() >= minTtlMs && !isRefused()) return held;
      if (reading === void 0 && isTooSoon() && !isRefused()) return live();
      const newer = readAgain();
      if (isRefused() || leftMs() < CALL_MS) await newer;
      return live();
    },
    /** The stored token for a token request, read again unless it was just read. Undefined: none is live. */
    async newest() {
      if (reading !== void 0 || isRefused() || !isTooSoon()) await readAgain();
      return live();
    },
    /** Reports that a server refused this token; the next read requests another one. */
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
var now = () => Date.now();
var tell = (text) => {
  process.stderr.write(text);
};
var say = (text) => tell(`token-endpoint: ${text}
`);
var sayError = (error) => say(error instanceof Error ? error.message : "failed");
async function main() {
  var _a;
  await keepDebuggerClosed();
  const { job: env, restart } = separateEnvironments(process.env);
  if (restart !== void 0) {
    process.stderr.write = () => true;
    const again = [...process.execArgv, ...process.argv.slice(1)];
    endLike(await run2([process.execPath, ...again], restart));
    return;
  }
  const commandLine = readCommandLine(process.argv.slice(2), env);
  if (commandLine === void 0) {
    process.stdout.write(USAGE);
    return;
  }
  const { names, accessTokenOptions, minTtlMs, profile, genesys, ownBearer, command } = commandLine;
  const script = findAccessToken(process.argv[1], env.PATH);
  const { environments, endsAtMs, notice } = await examineAwsSession({ env, profile, now });
  let lastFailure = 0;
  const onFailure = (status) => {
    lastFailure = status;
  };
  const tokens = await Promise.all(
    names.map(async (name) => {
      const args = [name, ...accessTokenOptions];
      const read = createTokenReader({ script, args, environments, tell, onFailure });
      return { name, read, first: await read() };
    })
  );
  const sources = tokens.flatMap(
    ({ name, read, first }) => first ? [{ name, source: createTokenSource({ first, read, minTtlMs, now, onError: sayError }) }] : []
  );
  if (sources.length < names.length) {
    const missing = (_a = tokens.find(({ first }) => first === void 0)) == null ? void 0 : _a.name;
    say(`COMMAND was not run: there is no live token${names.length > 1 ? ` of ${missing}` : ""}`);
    process.exitCode = lastFailure;
    return;
  }
  if (new Set(sources.map(({ source }) => source.held.accessToken)).size < names.length) {
    say("two of the names have the same token, and share its rate limit");
  }
  if (notice !== void 0) say(notice);
  const reason = () => `There is no live token. ${endsAtMs !== void 0 && now() >= endsAtMs ? "The job's AWS session has ended, so no newer one can be read: request a longer session." : `access-token ended with status ${lastFailure}; its messages are in the job's log.`}`;
  const pool = createTokenPool(sources, now, reason);
  const credentials = createJobCredentials({ ownBearer });
  const origin = genesys && `https://api.${genesys.domain}`;
  const gateway = origin ? createGateway({ origin, pool, credentials, env }) : void 0;
  const isGateway = gateway !== void 0;
  const tokenRequests = createTokenRequests({ credentials, pool, isGateway, now, reason });
  const server = await startLoopbackServer(tokenRequests, gateway);
  say(`answers on http://${server.host}:${server.port}${origin ? ` for ${origin}` : ""}`);
  const environment = commandEnvironment(env, server, credentials, genesys);
  const end = await run2(command, environment, server.descriptor);
  await server.close();
  const report = pool.report();
  if (report !== void 0) say(report);
  endLike(end);
}
async function run2(...[command, ...more]) {
  try {
    return await runCommand(command, ...more);
  } catch (error) {
    const { code } = error;
    say(`${command[0]} cannot be run: ${code}`);
    return { status: code === "ENOENT" ? NOT_FOUND_STATUS : NOT_EXECUTABLE_STATUS };
  }
}
main().catch((error) => {
  sayError(error);
  if (error instanceof UsageError) say("'token-endpoint --help' shows the usage");
  process.exitCode = error instanceof UsageError ? USAGE_STATUS : 1;
});
