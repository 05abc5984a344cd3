/*
 * Loaded before a program (`node --import`): its clock is ahead of the machine's by the milliseconds in the file
 * CLOCK_OFFSET_FILE, at each moment, and runs CLOCK_SPEED times as fast from CLOCK_START (milliseconds since 1970).
 * Plain JavaScript that Node.js 20 loads. Timers keep the machine's time.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;
const { CLOCK_OFFSET_FILE: offsetFile, CLOCK_SPEED = '1', CLOCK_START } = process.env;
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
