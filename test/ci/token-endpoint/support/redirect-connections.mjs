/*
 * Loaded before a program (`node --import`): connections to `host:port` on the left of REDIRECT_CONNECTIONS go to the one
 * on the right, `api.mypurecloud.de:443=127.0.0.1:40000`. TLS still asks for the name on the left. Plain JavaScript that
 * Node.js 20 loads.
 */
import { Socket } from 'node:net';

const redirects = new Map(
  (process.env.REDIRECT_CONNECTIONS ?? '')
    .split(',')
    .filter(Boolean)
    .map((entry) => entry.split('=')),
);
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
