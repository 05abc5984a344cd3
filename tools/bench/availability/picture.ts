import { writeFile } from 'node:fs/promises';
import { simulate } from '../../../local/simulation/simulate.ts';
import { createWindows } from '../../../local/simulation/windows.ts';
import { createQuietWorld, DAY_MS, HOUR_MS, MINUTE_MS } from '../../../local/simulation/world.ts';
import { fixedSchedule } from './comparison.ts';
import { minutes } from './live.ts';

/** The day's outages, in minutes: one within the tolerance of a one-hour token, one much longer. */
const OUTAGES = [
  { from: 97, to: 105 },
  { from: 900, to: 990 },
] as const;

// Legible on a white page and on a dark one.
const INK = '#7a828c';

/** A panel's place on the picture, in pixels: half a pixel for each minute of the day. */
const LEFT = 60;
const WIDTH = 720;
const HEIGHT = 120;
const x = (minute: number): number => LEFT + minute / 2;
const y = (top: number, minutesLeft: number): number => top + HEIGHT - minutesLeft * 2;

/** Draws the remaining life of the stored token over a day, ours above a fixed schedule, and returns the path. */
export async function drawRemainingLife(): Promise<string> {
  const value = { code: 'TOKEN_ENDPOINT_UNAVAILABLE', latencyMs: 200 } as const;
  const endpoint = createWindows(
    OUTAGES.map(({ from, to }) => ({ from: from * MINUTE_MS, to: to * MINUTE_MS, value })),
  );
  const world = createQuietWorld({ lifetimeMs: HOUR_MS, spanMs: DAY_MS, endpoint });
  const panels = [
    { title: 'ours: a beat a minute, retried until it works', color: '#1f9d61', top: 50 },
    { title: 'a fixed schedule: every 50 minutes, one attempt', color: '#d9603b', top: 250 },
  ].map(async ({ title, color, top }, index) => {
    const strategy =
      index === 0 ? ({ name: '', kind: 'ours', ...minutes(60) } as const) : fixedSchedule(HOUR_MS);
    const { stored } = await simulate({ world, reads: [], strategy });
    const points: string[] = [];
    for (let minute = 2; minute < 24 * 60; minute++) {
      const at = minute * MINUTE_MS;
      const token = stored.findLast(({ writtenAt }) => writtenAt <= at);
      points.push(`${x(minute)},${y(top, Math.max(0, (token?.diesAt ?? 0) - at) / MINUTE_MS).toFixed(1)}`);
    }
    const outages = OUTAGES.map(
      ({ from, to }) =>
        `<rect x="${x(from)}" y="${top}" width="${(to - from) / 2}" height="${HEIGHT}" opacity="0.35"/>
<text x="${x(from)}" y="${top - 4}" font-size="11">endpoint out, ${to - from} min</text>`,
    );
    const grid = [0, 20, 40, 60].map(
      (left) =>
        `<path d="M${LEFT} ${y(top, left)}h${WIDTH}" stroke="${INK}" stroke-opacity="0.4"/>
<text x="${LEFT - 8}" y="${y(top, left) + 4}" text-anchor="end">${left}</text>`,
    );
    const hours = [0, 4, 8, 12, 16, 20, 24].map(
      (hour) => `<text x="${x(hour * 60)}" y="${top + HEIGHT + 18}" text-anchor="middle">${hour} h</text>`,
    );
    return `<text x="${LEFT}" y="${top - 24}" font-weight="bold">${title}: minutes left</text>
${[...outages, ...grid, ...hours].join('\n')}
<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="1.6"/>`;
  });
  const path = 'docs/remaining-life.svg';
  await writeFile(
    new URL(`../../../${path}`, import.meta.url),
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 400" width="820" height="400" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="${INK}">
${(await Promise.all(panels)).join('\n')}
</svg>
`,
  );
  return path;
}
