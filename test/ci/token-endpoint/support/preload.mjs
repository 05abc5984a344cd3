/*
 * Loaded before a program (`node --import`). Plain JavaScript that Node.js 20 loads.
 *
 * Its clock is ahead of the machine's by the milliseconds in the file CLOCK_OFFSET_FILE, at each moment, and runs
 * CLOCK_SPEED times as fast from CLOCK_START (milliseconds since 1970). Timers keep the machine's time.
 *
 * Connections to `host:port` on the left of REDIRECT_CONNECTIONS go to the one on the right:
 * `api.mypurecloud.de:443=127.0.0.1:40000`. TLS still asks for the name on the left.
 */
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';

const RealDate = Date;
const { CLOCK_OFFSET_FILE: offsetFile, CLOCK_SPEED = '1', CLOCK_START, REDIRECT_CONNECTIONS } = process.env;
const speed = Number(CLOCK_SPEED);
const start = Number(CLOCK_START ?? RealDate.now());

function now() {
  const offsetMs = offsetFile === undefined ? 0 : Number(readFileSync(offsetFile, 'utf8'));
  return Math.round(start + (RealDate.now() - start) * speed + offsetMs);
}

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [now()] : parts));
  }

  static now() {
    return now();
  }
};

const redirects = new Map((REDIRECT_CONNECTIONS ?? '').split(',').map((entry) => entry.split('=')));
const { connect } = Socket.prototype;

Socket.prototype.connect = function connectElsewhere(...args) {
  // Either the options, or the array that node:net has made of its arguments.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const target = redirects.get(`${options?.host}:${options?.port}`);
  if (target !== undefined) {
    const [host, port] = target.split(':');
    Object.assign(options, { host, port: Number(port) });
  }
  return connect.apply(this, args);
};
